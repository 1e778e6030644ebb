//! The words of `ups.status`. Clients must bear words that are not here.

use crate::StatusInfo;

macro_rules! words {
    ($($id:ident $text:literal;)*) => {
        /// Every word of `ups.status` with a known meaning. Source: RFC 9271, NUT's `docs/nut-names.txt`.
        pub static STATUS: &[StatusInfo] = &[$(StatusInfo { word: stringify!($id), text: $text },)*];

        pub(crate) mod name {
            use crate::Word;
            $(
                #[doc = concat!($text, ".")]
                pub const $id: Word = Word(stringify!($id));
            )*
        }
    };
}

words! {
    OL "Mains are there";
    OB "Mains are gone, the load lives on the battery";
    LB "The battery is low";
    HB "The battery voltage is high";
    RB "The battery needs to be replaced";
    CHRG "The battery is charging";
    DISCHRG "The battery is discharging";
    BYPASS "The load is on bypass, without protection";
    CAL "The runtime is being measured, the battery is emptied on purpose";
    OFF "The output is switched off";
    OVER "The load is too great";
    TRIM "The input voltage is being lowered";
    BOOST "The input voltage is being raised";
    FSD "A forced shutdown is under way";
    ALARM "There is at least one alarm";
    ECO "Economy mode";
    TEST "A test is running";
    WAIT "No data from the driver yet";
}
