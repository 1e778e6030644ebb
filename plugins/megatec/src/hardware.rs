//! The units known to speak one of these dialects on a serial line.

use husk_driver::Hardware;

#[rustfmt::skip]
pub(crate) static HARDWARE: &[Hardware] = &[
    // Their bytes are replayed in tests/recordings.rs.
    Hardware::recorded("Mustek", &["PowerMust 800"], "protocol = megatec"),
    Hardware::recorded("Viewpower", &["MICRO UPS 3000"], "protocol = mustek"),
    Hardware::recorded("Visench", &["C1K"], "protocol = q1"),

    // What other drivers of this protocol have published for them is in NUT's library of device dumps.
    Hardware::documented("Ablerex", &["MARS MS3000RT"], ""),
    Hardware::documented("Dynamix", &["UPS-650VA"], ""),
    Hardware::documented("Eaton", &["E Series DX 1-20 kVA"], ""),
    Hardware::documented("Fenton", &["PowerPal L1400R"], ""),
    Hardware::documented("Gamatronic", &["SmartCompact UPS"], ""),
    Hardware::documented("INELT", &["Monolith 3000RT"], ""),
    Hardware::documented("Inform", &["Informer Compact 1000VA"], ""),
    Hardware::documented("Infosec", &["XP Pro 1000"], ""),
    Hardware::documented("Kebo", &["1200D (D Series)"], ""),
    Hardware::documented("Konig", &["CMP1200"], ""),
    Hardware::documented("Lexis", &["X-Power Tigra 1 kVA"], ""),
    Hardware::documented("Mustek", &["PowerMust 600VA USB", "PowerMust 1000VA USB"], "its serial port"),
    Hardware::documented("N-Power", &["MEV-3000LT"], ""),
    Hardware::documented("nJoy", &["Keen 600"], ""),
    Hardware::documented("Numeric", &["2000 Plus", "3000 SW"], ""),
    Hardware::documented("Online", &["Xanto S700"], "protocol = q1"),
    Hardware::documented("PowerMan", &["RealSmart 1000"], ""),
    Hardware::documented("PowerTech", &["SMK-800"], ""),
    Hardware::documented("PowerWalker", &["Line-Interactive VI 600", "Line-Interactive VI 1400"], "its serial port"),
    Hardware::documented("Powercom", &["Vanguard VGD-20K31"], ""),
    Hardware::documented("REDi", &["Blazer 600VA"], ""),
    Hardware::documented("Santak", &["Castle C1K"], ""),
    Hardware::documented("Sweex", &["1000VA UPS"], ""),
    Hardware::documented("Sysgration", &["UPGUARDS Pro 1400"], ""),
    Hardware::documented("TS Shara", &["XPro UPS Senoidal 1500VA"], "protocol = megatec"),
    Hardware::documented("Tuncmatik", &["Newtech Pro 1 kVA"], "its serial port"),
];
