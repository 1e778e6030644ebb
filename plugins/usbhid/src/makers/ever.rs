//! Ever.
//!
//! All that is not in the standard is in one collection without a usage, with numbers on page 0xff00; the names here
//! are ours. What is longer than a number is taken from the report as it is, because
//! firmware describes addresses as single bytes. Off is a UPS whose mode is neither of the two in which it feeds its load.
//! The names under `experimental.` are those of other drivers, and may change with theirs.

use crate::convert::{self, words};
use crate::device::Look;
use crate::makers::{Maker, device, usage};
use crate::row::{
    Command, Flag, Kept, Row, Sends, Words, flag, flag_by, keep, show, show_named, tell,
};
use crate::status::{Fact, Facts};
use husk_driver::wire::hid::Usage;
use husk_driver::{UsbMatch, Value, cmd, var};

pub(super) static MAKER: Maker = Maker {
    name: "Ever",
    claims: CLAIMS,
    usages: USAGES,
    rows: ROWS,
    flags: FLAGS,
    commands: COMMANDS,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device(0x0483, 0xa113),
    device(0x2e51, 0xffff),
    device(0x2e51, 0x0000),
];

#[rustfmt::skip]
const USAGES: &[Usage] = &[
    usage("Ever", 0x0000_0000),
    usage("InverterFirmware", 0xff00_0011),
    usage("InterfaceFirmware", 0xff00_0012),
    usage("Hardware", 0xff00_0013),
    usage("InverterProtocol", 0xff00_0014),
    usage("InterfaceProtocol", 0xff00_0015),
    usage("Messages", 0xff00_0016),
    usage("OverloadMessage", 0xff00_0017),
    usage("LowBatteryMessage", 0xff00_0018),
    usage("BoostMessage", 0xff00_0019),
    usage("BuckMessage", 0xff00_001a),
    usage("ChargingMessage", 0xff00_001d),
    usage("BatteryMessage", 0xff00_0020),
    usage("Alarms", 0xff00_0030),
    usage("OverloadAlarm", 0xff00_0031),
    usage("CommunicationAlarm", 0xff00_0038),
    usage("InverterTemperature", 0xff00_0040),
    usage("BatteryTemperature", 0xff00_0041),
    usage("PowerFactorOut", 0xff00_0042),
    usage("Orders", 0xff00_0043),
    usage("UpsOn", 0xff00_0044),
    usage("ClearFault", 0xff00_0045),
    usage("ClearBatteryFault", 0xff00_0046),
    usage("Settings", 0xff00_0050),
    usage("EmergencyOffBlocked", 0xff00_0051),
    usage("GreenMode", 0xff00_0052),
    usage("ButtonSound", 0xff00_0053),
    usage("AudibleAlarm", 0xff00_0054),
    usage("OutputVoltage", 0xff00_0060),
    usage("OverloadClearance", 0xff00_0066),
    usage("StandbyCharge", 0xff00_0067),
    usage("ExternalPacks", 0xff00_0068),
    usage("MainsLosses", 0xff00_0069),
    usage("Lowerings", 0xff00_006a),
    usage("Raisings", 0xff00_006b),
    usage("Overloads", 0xff00_006c),
    usage("ShortCircuits", 0xff00_006d),
    usage("Discharges", 0xff00_006e),
    usage("Overheats", 0xff00_006f),
    usage("MainsTime", 0xff00_0070),
    usage("BatteryTime", 0xff00_0071),
    usage("OverloadTime", 0xff00_0072),
    usage("MacAddress", 0xff00_0073),
    usage("NotifiedAddress", 0xff00_0074),
    usage("PacketsSent", 0xff00_0078),
    usage("PacketsReceived", 0xff00_0079),
    usage("ErrorsSent", 0xff00_007a),
    usage("ErrorsReceived", 0xff00_007b),
    usage("NetworkCard", 0xff00_0080),
    usage("Dhcp", 0xff00_0081),
    usage("Ethernet", 0xff00_0082),
    usage("Http", 0xff00_0083),
    usage("Snmp", 0xff00_0084),
    usage("SnmpTraps", 0xff00_0085),
    usage("ReadOnly", 0xff00_0086),
    usage("Address", 0xff00_0088),
    usage("NetworkMask", 0xff00_0089),
    usage("Gateway", 0xff00_008a),
    usage("RestartEthernet", 0xff00_008b),
    usage("WorkModes", 0xff00_0090),
    usage("WorkMode", 0xff00_0091),
    usage("Watch", 0xff00_0095),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CAPACITY, "PS.DesignCapacity"),
    show(var::BATTERY_CAPACITY, "PS.FullChargeCapacity"),
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity"),
    show(var::BATTERY_PACKS_EXTERNAL, "Ever.ExternalPacks").writable(),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty"),
    show(var::BATTERY_RUNTIME_LOW, "PS.RemainingTimeLimit").writable(),
    show(var::BATTERY_TEMPERATURE, "Ever.BatteryTemperature").in_kelvin(),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "PS.Voltage"),
    show_named("experimental.battery.batteryid", "BS.Battery.BatteryID"),
    show_named("experimental.battery.chargerid", "BS.Charger.ChargerID"),
    show_named("experimental.battery.input_flowid", "BS.Input.FlowID"),
    show_named("experimental.battery.input_id", "BS.Input.InputID"),
    show_named("experimental.battery.output_flowid", "BS.Output.FlowID"),
    show_named("experimental.battery.output_id", "BS.Output.OutputID"),
    show_named("experimental.battery.systemid", "BS.BatterySystemID"),
    show_named("experimental.config.overload_clearance_threshold", "Ever.OverloadClearance").writable(),
    show_named("experimental.config.stb_charge", "Ever.StandbyCharge").writable(),
    show_named("experimental.control.audible_alarm", "Ever.Settings.AudibleAlarm").writable(),
    show_named("experimental.control.button_sound", "Ever.Settings.ButtonSound").writable(),
    show_named("experimental.control.clear_battery_fault", "Ever.Orders.ClearBatteryFault").writable(),
    show_named("experimental.control.clear_fault", "Ever.Orders.ClearFault").writable(),
    show_named("experimental.control.epo_blocked", "Ever.Settings.EmergencyOffBlocked").writable(),
    show_named("experimental.control.green_mode", "Ever.Settings.GreenMode").writable(),
    show_named("experimental.control.ups_on", "Ever.Orders.UpsOn").writable(),
    show_named("experimental.id.firmware_version_interfaces", "Ever.InterfaceFirmware").by(version),
    show_named("experimental.id.firmware_version_inverter", "Ever.InverterFirmware").by(version),
    show_named("experimental.id.hardware_version", "Ever.Hardware").by(hardware),
    show_named("experimental.id.protocol_version_interfaces", "Ever.InterfaceProtocol").by(version),
    show_named("experimental.id.protocol_version_inverter", "Ever.InverterProtocol").by(version),
    show_named("experimental.networkcard.config_dhcp_enabled", "Ever.NetworkCard.Dhcp"),
    show_named("experimental.networkcard.config_ethernet_enabled", "Ever.NetworkCard.Ethernet"),
    show_named("experimental.networkcard.config_http_enabled", "Ever.NetworkCard.Http"),
    show_named("experimental.networkcard.config_readonly", "Ever.NetworkCard.ReadOnly"),
    show_named("experimental.networkcard.config_restart_eth", "Ever.NetworkCard.RestartEthernet"),
    show_named("experimental.networkcard.config_snmp_enabled", "Ever.NetworkCard.Snmp"),
    show_named("experimental.networkcard.config_snmp_trap_enabled", "Ever.NetworkCard.SnmpTraps"),
    show_named("experimental.networkcard.default_gateway", "Ever.Gateway").by(|look, _| address(&bytes(look, "Ever.Gateway")?)),
    show_named("experimental.networkcard.ip_address", "Ever.Address").by(|look, _| address(&bytes(look, "Ever.Address")?)),
    show_named("experimental.networkcard.mac_address", "Ever.MacAddress").by(|look, _| hardware_address(&bytes(look, "Ever.MacAddress")?)),
    show_named("experimental.networkcard.network_mask", "Ever.NetworkMask").by(|look, _| address(&bytes(look, "Ever.NetworkMask")?)),
    show_named("experimental.networkcard.notification_destination_ip", "Ever.NotifiedAddress").by(|look, _| address(&bytes(look, "Ever.NotifiedAddress")?)),
    show_named("experimental.networkcard.received_packets", "Ever.PacketsReceived").by(|look, _| count(&bytes(look, "Ever.PacketsReceived")?)),
    show_named("experimental.networkcard.received_packets_err", "Ever.ErrorsReceived").by(|look, _| count(&bytes(look, "Ever.ErrorsReceived")?)),
    show_named("experimental.networkcard.send_packets", "Ever.PacketsSent").by(|look, _| count(&bytes(look, "Ever.PacketsSent")?)),
    show_named("experimental.networkcard.send_packets_err", "Ever.ErrorsSent").by(|look, _| count(&bytes(look, "Ever.ErrorsSent")?)),
    show_named("experimental.outlet.1.present", "OS.Outlet.PresentStatus.Present").as_word(words::YES_NO),
    show_named("experimental.outlet.1.switch_off_control", "OS.Outlet.SwitchOffControl").writable(),
    show_named("experimental.outlet.1.switch_on_control", "OS.Outlet.SwitchOnControl").writable(),
    show_named("experimental.outlet.1.system_id", "OS.OutletSystemID"),
    show_named("experimental.outlet.1.undefined", "OS.Outlet.PresentStatus.Undefined"),
    show_named("experimental.powerconverter.input_flow_id", "PC.Input.FlowID"),
    show_named("experimental.powerconverter.input_id", "PC.Input.InputID"),
    show_named("experimental.powerconverter.output_flowid", "PC.Output.FlowID"),
    show_named("experimental.powerconverter.output_id", "PC.Output.OutputID"),
    show_named("experimental.powerconverter.powerconverterid", "PC.PowerConverterID"),
    show_named("experimental.powersummary.capacity_granularity_1", "PS.CapacityGranularity1"),
    show_named("experimental.powersummary.capacity_granularity_2", "PS.CapacityGranularity2"),
    show_named("experimental.powersummary.capacity_mode", "PS.CapacityMode"),
    show_named("experimental.powersummary.flow_id", "PS.FlowID"),
    show_named("experimental.powersummary.rechargeable", "PS.Rechargeable"),
    show_named("experimental.statistics.autonomous_operation_time", "Ever.BatteryTime"),
    show_named("experimental.statistics.discharge_counter", "Ever.Discharges"),
    show_named("experimental.statistics.lowering_AVR_trigger_counter", "Ever.Lowerings"),
    show_named("experimental.statistics.mains_loss_counter", "Ever.MainsLosses"),
    show_named("experimental.statistics.mains_operation_time", "Ever.MainsTime"),
    show_named("experimental.statistics.overheat_counter", "Ever.Overheats"),
    show_named("experimental.statistics.overload_counter", "Ever.Overloads"),
    show_named("experimental.statistics.overload_operation_time", "Ever.OverloadTime"),
    show_named("experimental.statistics.rising_AVR_trigger_counter", "Ever.Raisings"),
    show_named("experimental.statistics.short_circuit_counter", "Ever.ShortCircuits"),
    show_named("experimental.status.alarms", "Ever.Alarms.OverloadAlarm").by(alarms),
    show_named("experimental.status.messages", "Ever.Messages.BatteryMessage").by(messages),
    show_named("experimental.status.workmode", "Ever.WorkModes.WorkMode").by(work_mode),
    show_named("experimental.ups.flow_id", "Flow.FlowID"),
    show(var::INPUT_FREQUENCY, "PC.Input.Frequency"),
    show(var::INPUT_VOLTAGE, "PC.Input.Voltage"),
    show_named("outlet.1.id", "OS.Outlet.OutletID"),
    show_named("outlet.1.status", "OS.Outlet.PresentStatus.SwitchOn/Off").as_word(words::ON_OFF),
    show_named("outlet.1.switchable", "OS.Outlet.PresentStatus.Switchable").as_word(words::YES_NO),
    show(var::OUTPUT_CURRENT, "PC.Output.Current"),
    show(var::OUTPUT_FREQUENCY, "PC.Output.Frequency"),
    show(var::OUTPUT_FREQUENCY_NOMINAL, "Flow.ConfigFrequency"),
    show(var::OUTPUT_POWERFACTOR, "Ever.PowerFactorOut"),
    show(var::OUTPUT_VOLTAGE, "Ever.OutputVoltage").writable(),
    show(var::OUTPUT_VOLTAGE, "PC.Output.Voltage"),
    show(var::OUTPUT_VOLTAGE_NOMINAL, "Flow.ConfigVoltage"),
    keep(var::UPS_DELAY_SHUTDOWN, "PS.DelayBeforeShutdown", Kept::OffDelay),
    show(var::UPS_LOAD, "PC.Output.PercentLoad"),
    show(var::UPS_LOAD, "PS.PercentLoad"),
    show(var::UPS_POWER, "PC.Output.ApparentPower"),
    show(var::UPS_POWER_NOMINAL, "Flow.ConfigApparentPower"),
    show(var::UPS_REALPOWER, "PC.Output.ActivePower"),
    show(var::UPS_REALPOWER_NOMINAL, "Flow.ConfigActivePower"),
    show(var::UPS_TEMPERATURE, "Ever.InverterTemperature").in_kelvin(),
    show(var::UPS_TIMER_SHUTDOWN, "PS.DelayBeforeShutdown").often(),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.AwaitingPower", Fact::AwaitingPower).often(),
    flag("PSS.BatteryPresent", Fact::NoBattery).inverted(),
    flag("PSS.CommunicationLost", Fact::CommunicationFault),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery),
    flag("PSS.Overload", Fact::Overload).often(),
    flag("PSS.OverTemperature", Fact::Overheat),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag("Ever.Messages.OverloadMessage", Fact::Overload),
    flag("Ever.Messages.LowBatteryMessage", Fact::LowBattery).often(),
    flag("Ever.Messages.BoostMessage", Fact::Boost),
    flag("Ever.Messages.BuckMessage", Fact::Trim),
    flag("Ever.Messages.ChargingMessage", Fact::Charging),
    flag("Ever.Messages.BatteryMessage", Fact::ReplaceBattery),
    flag("Ever.Alarms.OverloadAlarm", Fact::Overload),
    flag("Ever.Alarms.CommunicationAlarm", Fact::CommunicationFault),
    flag_by("Ever.WorkModes.Watch", off),
];

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    tell(cmd::LOAD_OFF_DELAY, "PS.DelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::SHUTDOWN_RETURN, "PS.DelayBeforeShutdown", Sends::OffDelay),
];

/// What the bits of the word of messages mean that no flag tells. These words, and those below, are what clients of
/// other drivers look for, slips of the pen included.
#[rustfmt::skip]
const MESSAGES: &[(u16, &str)] = &[
    (0x0004, "BOOST"),
    (0x0008, "BUCK"),
    (0x0010, "BOOST_BLOCKED"),
    (0x0020, "BUCK_BLOCKED"),
    (0x0040, "CHARGING"),
    (0x0080, "FAN_ON"),
    (0x0100, "EPO_BLOCKED"),
    (0x0200, "NEED_REPLACMENT"),
    (0x0c00, "OVERHEAT"),
    (0x1000, "WAITING_FOR_MIN_CHARGE"),
    (0x2000, "MAINS_OUT_OF_RANGE"),
];

/// What the bits of the word of alarms mean.
#[rustfmt::skip]
const ALARMS: &[(u16, &str)] = &[
    (0x0001, "OVERLOAD"),
    (0x0002, "SHORT-CIRCUIT"),
    (0x000c, "OVERHEAT"),
    (0x0010, "EPO"),
    (0x0020, "INERNAL_ERROR"),
    (0x0040, "REVERSE_POWER_SUPPLY"),
    (0x0080, "NO_INETERNAL_COMM"),
    (0x0100, "CRITICAL_BATT_VOLTAGE"),
];

/// The work mode, one bit of a byte.
#[rustfmt::skip]
const WORK_MODES: Words = &[
    (1, "UNKNOWN"),
    (2, "STOP"),
    (4, "ONLINE"),
    (8, "ONBATTERY"),
    (16, "WATCH"),
    (32, "WAITING"),
    (64, "EMERGENCY"),
];
const ONLINE: u16 = 4;
const ON_BATTERY: u16 = 8;

/// The report of a field behind its id.
fn bytes(look: &mut Look<'_>, path: &str) -> Option<Vec<u8>> {
    let report = look.0.field(path)?.report;
    Some(look.raw_report(report)?.get(1..)?.to_vec())
}

/// The report of a field as one word of bits.
fn word(look: &mut Look<'_>, path: &str) -> Option<u16> {
    match *bytes(look, path)?.as_slice() {
        [low] => Some(low.into()),
        [low, high, ..] => Some(u16::from_le_bytes([low, high])),
        [] => None,
    }
}

/// The words of the bits that are set.
fn named(bits: u16, words: &[(u16, &str)]) -> Value {
    let set = words.iter().filter(|(mask, _)| bits & mask != 0);
    let texts: Vec<_> = set.map(|(_, text)| *text).collect();
    texts.join(" ").into()
}

fn alarms(look: &mut Look<'_>, _: f64) -> Option<Value> {
    Some(named(word(look, "Ever.Alarms.OverloadAlarm")?, ALARMS))
}

fn messages(look: &mut Look<'_>, _: f64) -> Option<Value> {
    Some(named(word(look, "Ever.Messages.BatteryMessage")?, MESSAGES))
}

fn mode(look: &mut Look<'_>) -> Option<u16> {
    word(look, "Ever.WorkModes.WorkMode").map(|word| word & 0xff)
}

fn work_mode(look: &mut Look<'_>, _: f64) -> Option<Value> {
    convert::word(WORK_MODES, mode(look)?.into()).map(Value::from)
}

/// Off unless the load is fed.
fn off(look: &mut Look<'_>, _: f64, facts: &mut Facts) {
    if let Some(mode) = mode(look) {
        facts.set(Fact::Off, ![ONLINE, ON_BATTERY].contains(&mode));
    }
}

/// Two hexadecimal digits of a version and a byte of build: 0x1203 is `v1.2b03`.
fn version(_: &mut Look<'_>, value: f64) -> Option<Value> {
    let [build, version] = (value as u16).to_le_bytes();
    Some(format!("v{:X}.{:X}b{build:02}", version >> 4, version & 15).into())
}

/// A letter of revision, or none, and a version: 0x0203 is `rev.Bv03`.
fn hardware(_: &mut Look<'_>, value: f64) -> Option<Value> {
    let [version, revision] = (value as u16).to_le_bytes();
    let letter = match revision {
        0 => '0',
        1..=26 => char::from(b'A' + revision - 1),
        _ => return None,
    };
    Some(format!("rev.{letter}v{version:02}").into())
}

/// An IPv4 address in the order of its bytes.
fn address(bytes: &[u8]) -> Option<Value> {
    let [a, b, c, d] = bytes.first_chunk()?;
    Some(format!("{a}.{b}.{c}.{d}").into())
}

/// The six bytes of a hardware address.
fn hardware_address(bytes: &[u8]) -> Option<Value> {
    let [a, b, c, d, e, f] = bytes.first_chunk()?;
    Some(format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}").into())
}

/// A count of 32 bits.
fn count(bytes: &[u8]) -> Option<Value> {
    Some(u32::from_le_bytes(*bytes.first_chunk()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::makers::trial::{look, text};

    const SINLINE: (u16, u16) = (0x2e51, 0xffff);

    #[test]
    fn addresses_are_in_the_order_of_their_bytes() {
        assert_eq!(address(&[192, 168, 2, 1]), Some("192.168.2.1".into()));
        assert_eq!(address(&[192, 168, 2]), None);
        let hardware = hardware_address(&[0xff, 2, 3, 4, 5, 6]);
        assert_eq!(hardware, Some("ff:02:03:04:05:06".into()));
        assert_eq!(count(&[0xff; 4]), Some("4294967295".into()));
    }

    #[test]
    fn versions_are_spelt() {
        let shown = |name, path, value: u16| text(&MAKER, SINLINE, (name, path), value.into());
        let firmware = "experimental.id.firmware_version_inverter";
        let version = shown(firmware, "Ever.InverterFirmware", 0x1a03);
        assert_eq!(version, Some("v1.Ab03".into()));
        let hardware = "experimental.id.hardware_version";
        assert_eq!(
            shown(hardware, "Ever.Hardware", 0x0203),
            Some("rev.Bv03".into())
        );
        assert_eq!(shown(hardware, "Ever.Hardware", 0x1b00), None);
    }

    #[test]
    fn words_of_bits_are_told() {
        let fields = [
            ("Ever.WorkModes.WorkMode", 0x0010),
            ("Ever.Alarms.OverloadAlarm", 0x0102),
            ("Ever.Messages.BatteryMessage", 0x0403),
        ];
        look(&MAKER, SINLINE, &fields, |look| {
            assert_eq!(work_mode(look, 0.0), Some("WATCH".into()));
            let critical = "SHORT-CIRCUIT CRITICAL_BATT_VOLTAGE";
            assert_eq!(alarms(look, 0.0), Some(critical.into()));
            assert_eq!(messages(look, 0.0), Some("OVERHEAT".into()));
            let mut facts = Facts::default();
            off(look, 0.0, &mut facts);
            assert!(facts.is(Fact::Off));
        });
        let online = [("Ever.WorkModes.WorkMode", 0x0004)];
        look(&MAKER, SINLINE, &online, |look| {
            let mut facts = Facts::default();
            off(look, 0.0, &mut facts);
            assert_eq!(facts.known(Fact::Off), Some(false));
            assert_eq!(alarms(look, 0.0), None, "no such report");
        });
    }
}
