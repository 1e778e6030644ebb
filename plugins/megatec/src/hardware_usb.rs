//! The units known to speak one of these dialects behind a USB plug: every id that is claimed, and the models known behind it.
//!
//! The same plug is in the boxes of fifty sellers: an id tells the bridge and not the unit.

use husk_driver::Hardware;

#[rustfmt::skip]
pub(crate) static HARDWARE: &[Hardware] = &[
    // Their lines are replayed over the bridge of that id in plugins/megatec-usb/tests/recordings.rs.
    Hardware::recorded("AEG", &["Protect D3000"], "06da:0003"),
    Hardware::recorded("DigiTECH", &["650VA"], "0001:0000"),
    Hardware::recorded("Ippon", &["a unit whose model was not noted"], "0665:5161"),
    Hardware::recorded("Salicru", &["SPS One"], "0665:5161"),
    Hardware::recorded("Voltronic", &["a unit whose model was not noted"], "0665:5161"),
    Hardware::recorded("Vultech", &["UPS1400VA-LFP"], "0925:1234"),

    // What other drivers of these bridges have published for them is in NUT's library of device dumps.
    Hardware::documented("Advice", &["Top V Pro 6-10K"], "0665:5161"),
    Hardware::documented("AEG", &["Protect Home"], "0665:5161"),
    Hardware::documented("Apollo", &["850VA"], "0665:5161"),
    Hardware::documented("Atlantis Land", &["OnePower 841+ (A03-P841)"], "0665:5161"),
    Hardware::documented("Aviem Systems", &["Aviem Pro 2000VA"], "0665:5161"),
    Hardware::documented("Belkin", &["F6S600auUSB"], "0665:5161"),
    Hardware::documented("Forza", &["FX-1500LCD"], "0665:5161"),
    Hardware::documented("FSP", &["EP650", "EP1000", "Fortron Champ 1000VA Tower"], "0665:5161"),
    Hardware::documented("Ippon", &["Back Power Pro 600"], "0665:5161"),
    Hardware::documented("Jawan", &["JW-UPSLC02"], "0665:5161"),
    Hardware::documented("Lyonn", &["CTB-1200"], "0665:5161"),
    Hardware::documented("Mustek", &["PowerMust 1000VA USB", "PowerMust 1060"], "0665:5161"),
    Hardware::documented("Orvaldi", &["750SP"], "0665:5161"),
    Hardware::documented("PowerShield", &["Defender 1200VA"], "0665:5161"),
    Hardware::documented("PowerWalker", &[
        "Line-Interactive VI 850 LCD", "Line-Interactive VI 1400", "Line-Interactive VI 2000 LCD", "Online VFI 1500 LCD",
        "VI 3000 SCL",
    ], "0665:5161"),
    Hardware::documented("Salicru", &["SPS One 700VA"], "0665:5161"),
    Hardware::documented("Soyntec", &["Sekury A600"], "0665:5161"),
    Hardware::documented("Sweex", &["Intelligent UPS 1500VA P220"], "0665:5161"),
    Hardware::documented("Tecnoware", &["UPS ERA Plus 1100"], "0665:5161"),
    Hardware::documented("Tuncmatik", &["Newtech Pro 1 kVA"], "0665:5161"),
    Hardware::documented("UltraMax", &["1000SC"], "0665:5161"),

    Hardware::documented("2E", &["PS1000L"], "0001:0000"),
    Hardware::documented("CABAC", &["UPS-1700DV2"], "0001:0000"),
    Hardware::documented("Digitus", &["DN-170076"], "0001:0000"),
    Hardware::documented("Dynamix", &["1000VA USB"], "0001:0000"),
    Hardware::documented("Fideltronik Inigo", &["Viper 1200"], "0001:0000"),
    Hardware::documented("Green Cell", &["Micropower 600"], "0001:0000"),
    Hardware::documented("Guardian", &["IGA1500LCD"], "0001:0000"),
    Hardware::documented("Powercool", &["650VA", "1500VA"], "0001:0000"),
    Hardware::documented("Unitek", &["Alpha 1250xD"], "0001:0000"),
    Hardware::documented("Zigor", &["Ebro 650"], "0001:0000"),

    Hardware::documented("Ablerex", &["MSII series", "MSIII series"], "ffff:0000"),
    Hardware::documented("IPAR", &["Mini Energy ME 800"], "ffff:0000"),
    Hardware::documented("UPSonic", &["IRT1000"], "ffff:0000"),

    Hardware::documented("Eaton", &["5E2200USB-LA"], "06da:0003"),
    Hardware::documented("Online", &["Yunto YQ450"], "06da:0002, protocol = zinto"),

    Hardware::documented("Ablerex", &["625L"], "its id was not noted"),
    Hardware::documented("Belkin", &["F6H550-USB", "BU308000 800VA"], "their ids were not noted"),
    Hardware::documented("Cyber Power Systems", &["425HG"], "its id was not noted"),
    Hardware::documented("Mustek", &["PowerMust 848"], "its id was not noted"),
    Hardware::documented("PowerWalker", &["Line-Interactive VI 600"], "its id was not noted"),
    Hardware::documented("Unitek", &["Alpha 500 iSx"], "its id was not noted"),
    Hardware::documented("UPSonic", &["DS-800"], "its id was not noted"),

    // Known by their ids and names; see `bridge::known`.
    Hardware::untested("Armac", &["units with this id"], "0925:1234"),
    Hardware::untested("Fideltronik", &["Lupus"], "0001:0000"),
    Hardware::untested("Fuji", &["units that call themselves ATCL FOR UPS"], "0001:0000"),
    Hardware::untested("General Electric", &["EP series"], "14f0:00c9"),
    Hardware::untested("Hunnox", &["units with this id"], "0001:0000"),
    Hardware::untested("Legrand", &["Daker DK"], "1cb0:0035"),
    Hardware::untested("Masterguard", &["A series"], "06da:0002"),
    Hardware::untested("Omron", &["BN150T"], "0590:00b7"),
    Hardware::untested("Online", &["Zinto A"], "06da:0601"),
    Hardware::untested("Phoenixtec", &["units with other ids"], "06da:0004 06da:0005 06da:0201"),
    Hardware::untested("SNR", &["UPS-LID"], "0001:0000, subdriver = snr"),
    Hardware::untested("Sysgration", &["Agiler"], "05b8:0000"),
    Hardware::untested("TS Shara", &["units with this id"], "0483:0035"),
    Hardware::untested("Unitek", &["Alpha"], "0f03:0001"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::Bridge;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_claimed_is_listed_and_the_other_way_round() {
        let claims = Bridge::claims();
        let claimed: BTreeSet<String> = claims
            .iter()
            .filter_map(|claim| Some(format!("{:04x}:{:04x}", claim.vendor_id, claim.product_id?)))
            .collect();
        let words = HARDWARE
            .iter()
            .flat_map(|row| row.hint.split([' ', ',']))
            .filter(|word| word.contains(':'));
        let listed: BTreeSet<String> = words.map(str::to_owned).collect();
        assert_eq!(claimed, listed);
    }
}
