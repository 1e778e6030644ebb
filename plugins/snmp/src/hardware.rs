//! The agents that the tables in `mibs/` are for: at least one row for each name that `mibs =` takes.
//!
//! Recorded: the agent's objects are served in tests/recordings.rs. Documented: its MIB is public, or NUT's library of device
//! dumps has what its driver published for the unit. Served in part: the MIB has orders or values that the table has not.

use husk_driver::Hardware;

/// Recordings of partial walks may lack the object that names the model.
const UNNAMED: &[&str] = &["a unit whose model was not recorded"];

#[rustfmt::skip]
pub(crate) static HARDWARE: &[Hardware] = &[
    Hardware::recorded("APC", &[
        "Galaxy VS 40kW", "Smart-UPS 1500 RM", "Smart-UPS RT 3000 XL", "Smart-UPS X 750", "Symmetra LX 16000 RM",
    ], "mibs = apcc"),
    Hardware::recorded("APC", &["Smart-UPS 1000 behind PowerChute Business Edition"], "mibs = apcc"),
    Hardware::documented("APC", &[
        "Silcon DP3120E", "Smart-UPS 1000", "Smart-UPS 2200 RM XL", "Smart-UPS 2200 XL", "Smart-UPS 5000",
    ], "mibs = apcc"),
    Hardware::documented("APC", &["other UPSes with a network management card"], "mibs = apcc"),
    Hardware::recorded("APC", &["APDU9959EU3"], "mibs = apc_pdu"),
    Hardware::documented("APC", &["other switched and metered rack PDUs"], "mibs = apc_pdu"),
    Hardware::recorded("APC", &["Easy PDU EPDU1116S"], "mibs = apc").partly(),
    Hardware::recorded("APC", &["AP4423"], "mibs = apc_ats").partly(),
    Hardware::documented("APC", &["other rack transfer switches"], "mibs = apc_ats").partly(),

    Hardware::recorded("Cyber Power Systems", &["CP1000PFCLCD", "OR2200LCDRT2U", "PR2200RT2UC"], "mibs = cyberpower"),
    Hardware::documented("Cyber Power Systems", &["PR2200LCDRT2U", "other UPSes with an RMCARD"], "mibs = cyberpower"),

    Hardware::recorded("Delta", &["UPS602R2RT2N035"], "mibs = delta_ups").partly(),
    Hardware::recorded("Delta", UNNAMED, "mibs = ietf"),

    Hardware::recorded("Eaton", &["9PX 1000i RT 2U with a Network-M2 card"], "mibs = eaton_pw_nm2"),
    Hardware::documented("Eaton", &["9355", "PW9130"], "mibs = eaton_pw_nm2"),
    Hardware::recorded("Eaton", UNNAMED, "mibs = eaton_pxg_ups"),
    Hardware::documented("Eaton", &["93PM", "93PS with a Power Xpert Gateway card"], "mibs = eaton_pxg_ups"),
    Hardware::recorded("Eaton", &["9PX 1000i RT 2U", "93E HV", "93PS 20kW"], "mibs = mge"),
    Hardware::recorded("MGE UPS Systems", &["Galaxy 7000"], "mibs = mge"),
    Hardware::documented("Eaton", &["other UPSes with a Network-MS card"], "mibs = mge"),
    Hardware::recorded("Eaton", &["ePDU MA EMA114-10"], "mibs = eaton_epdu"),
    Hardware::documented("Eaton", &["other ePDUs G2 and G3"], "mibs = eaton_epdu"),
    Hardware::documented("Eaton", &["ePDU nlogic"], "mibs = eaton_pdu_nlogic"),
    Hardware::documented("Eaton", &["ATS16 with its first network card"], "mibs = eaton_ats16_nmc").partly(),
    Hardware::documented("Eaton", &["ATS16 with a Network-M2 card"], "mibs = eaton_ats16_nm2").partly(),
    Hardware::documented("Eaton", &["ATS30"], "mibs = eaton_ats30").partly(),
    Hardware::recorded("Eaton", &["C1KS with a WebPower Smart II card"], "mibs = ietf"),
    Hardware::documented("Best Power", &["UPSes with a network card"], "mibs = bestpower").partly(),
    Hardware::documented("Powerware", &["Managed ePDU DBQ10634/5"], "mibs = aphel_revelation"),
    Hardware::documented("Powerware", &["Monitored ePDU"], "mibs = aphel_genesisII"),
    Hardware::documented("Powerware", &["Switched ePDU of Pulizzi"], "mibs = pulizzi_switched1"),
    Hardware::documented("Powerware", &["Switched ePDU of Pulizzi, second kind"], "mibs = pulizzi_switched2"),
    Hardware::documented("Powerware", &["Profile"], "mibs = ietf"),

    Hardware::documented("HP", &["R12000/3", "other UPSes with a management module"], "mibs = cpqpower"),
    Hardware::recorded("HPE", &["3.6kVA 100-240V 16A maPDU"], "mibs = hpe_epdu"),
    Hardware::recorded("HPE", &["G2 PDU P9S18A"], "mibs = hpe_pdu3_cis"),
    Hardware::documented("HPE", &["other G2 PDUs"], "mibs = hpe_pdu3_cis"),

    Hardware::documented("Huawei", &["UPS5000"], "mibs = huawei").partly(),

    Hardware::documented("Liebert", &["UPSes with an IntelliSlot card"], "mibs = vertiv"),
    Hardware::documented("Vertiv", &["UPSes with an IntelliSlot card"], "mibs = vertiv"),
    Hardware::recorded("Liebert", &["UPSes with an IS-WEBLBDS card"], "mibs = ietf"),
    Hardware::documented("Liebert", &["GXT2-1500RT120"], "mibs = ietf"),
    Hardware::documented("Avocent", &["PM3000"], "mibs = emerson_avocent_pdu"),

    Hardware::recorded("Raritan", &["PX2"], "mibs = raritan-px2"),
    Hardware::documented("Raritan", &["PX2-1486", "PX3"], "mibs = raritan-px2"),
    Hardware::documented("Raritan", &["Dominion PX"], "mibs = raritan"),
    Hardware::documented("BayTech", &["RPC series"], "mibs = baytech"),
    Hardware::documented("BayTech", &["RPC3-NC"], "mibs = baytech_rpc3nc"),

    Hardware::documented("Socomec", &["Masterys MC 330"], "mibs = netvision").partly(),
    Hardware::recorded("Socomec", &["Modulys GP 2.0 with Net Vision 7"], "mibs = ietf"),

    Hardware::recorded("Megatec", &["NetAgent CY504 cards"], "mibs = xppc").partly(),
    Hardware::recorded("Phoenixtec", UNNAMED, "mibs = xppc").partly(),
    Hardware::documented("Tripp Lite", &["SU10KRT3-1X"], "mibs = xppc").partly(),

    Hardware::recorded("Tripp Lite", &["SU3000LCD2UHV"], "mibs = tripplite"),
    Hardware::documented("Tripp Lite", &["SMART3000RM2U", "SU2200RTXL2Ua"], "mibs = tripplite"),
    // Of a PDU the standard MIB knows no outlet.
    Hardware::recorded("Tripp Lite", &["PDUMH20ATNET", "PDUMV30HVNETLX"], "mibs = tripplite").partly(),

    Hardware::recorded("ABB", &["Upscale with a CS141 card", "a unit whose model was not recorded"], "mibs = ietf"),
    Hardware::recorded("Alpha", &["CXC system controllers"], "mibs = ietf"),
    Hardware::recorded("East", &["EA9080 and others with an iStars card"], "mibs = ietf"),
    Hardware::recorded("Marathon Power", UNNAMED, "mibs = ietf"),
    Hardware::recorded("Multimatic", &["Upscale with a CS141 card"], "mibs = ietf"),
    Hardware::recorded("PowerWalker", &["VFI 20K CPG PF1"], "mibs = ietf"),
    Hardware::recorded("Riello (RPS)", &["UPSes with a NetMan 204 card"], "mibs = ietf"),
    Hardware::documented("Grafenthal", &["PR-3000-HS"], "mibs = ietf"),
    Hardware::documented("UPSonic", &["IRT1000"], "mibs = ietf"),
    Hardware::documented("any maker", &["UPSes whose agent has the standard UPS-MIB (RFC 1628)"], "mibs = ietf"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mibs::entries;
    use std::collections::BTreeSet;

    #[test]
    fn every_table_is_listed_by_its_name_and_no_other() {
        let listed: BTreeSet<&str> = HARDWARE
            .iter()
            .map(|row| row.hint.strip_prefix("mibs = ").unwrap())
            .collect();
        let known: BTreeSet<&str> = entries().map(|entry| entry.name).collect();
        assert_eq!(listed, known);
    }
}
