//! Instant commands.

use crate::CmdInfo;

macro_rules! commands {
    ($($id:ident $name:literal $class:ident $text:literal;)*
     [$($pattern:literal $pclass:ident $ptext:literal;)*]) => {
        /// Every instant command. Source: RFC 9271, NUT's `docs/nut-names.txt`.
        pub static COMMANDS: &[CmdInfo] = &[
            $(CmdInfo { name: $name, text: $text, dangerous: is_dangerous!($class) },)*
            $(CmdInfo { name: $pattern, text: $ptext, dangerous: is_dangerous!($pclass) },)*
        ];

        pub(crate) mod name {
            use crate::Cmd;
            $(
                #[doc = concat!("`", $name, "`: ", $text, ".")]
                pub const $id: Cmd = Cmd($name);
            )*

            /// The name of a command on outlet `number`: `of_outlet(LOAD_OFF, 2)` is `outlet.2.load.off`.
            pub fn of_outlet(command: Cmd, number: u16) -> String {
                format!("outlet.{number}.{command}")
            }
        }
    };
}

macro_rules! is_dangerous {
    (safe) => {
        false
    };
    (power) => {
        true
    };
}

commands! {
    LOAD_OFF "load.off" power "Switch the load off now";
    LOAD_ON "load.on" power "Switch the load on now";
    LOAD_CYCLE "load.cycle" power "Switch the load off and on again";
    LOAD_OFF_DELAY "load.off.delay" power "Switch the load off after a delay (seconds)";
    LOAD_ON_DELAY "load.on.delay" power "Switch the load on after a delay (seconds)";
    SHUTDOWN_DEFAULT "shutdown.default" power "Do what is configured for the end of a shutdown";
    SHUTDOWN_RETURN "shutdown.return" power "Switch the load off and on again when mains return";
    SHUTDOWN_STAYOFF "shutdown.stayoff" power "Switch the load off and leave it off";
    SHUTDOWN_STOP "shutdown.stop" safe "Call off a shutdown that has not happened yet";
    SHUTDOWN_REBOOT "shutdown.reboot" power "Power cycle the load now";
    SHUTDOWN_REBOOT_GRACEFUL "shutdown.reboot.graceful" power "Power cycle the load after the shutdown delay";
    TEST_PANEL_START "test.panel.start" safe "Start the test of lamps and display";
    TEST_PANEL_STOP "test.panel.stop" safe "Stop the test of lamps and display";
    TEST_FAILURE_START "test.failure.start" safe "Start a simulated power failure";
    TEST_FAILURE_STOP "test.failure.stop" safe "Stop a simulated power failure";
    TEST_BATTERY_START "test.battery.start" safe "Start a battery test";
    TEST_BATTERY_START_QUICK "test.battery.start.quick" safe "Start a short battery test";
    TEST_BATTERY_START_LOW "test.battery.start.low" safe "Start a battery test that ends when the battery is low";
    TEST_BATTERY_START_DEEP "test.battery.start.deep" safe "Start a battery test that empties the battery";
    TEST_BATTERY_STOP "test.battery.stop" safe "Stop the battery test";
    TEST_SYSTEM_START "test.system.start" safe "Start a self test";
    CALIBRATE_START "calibrate.start" safe "Start measuring the runtime, which empties the battery";
    CALIBRATE_STOP "calibrate.stop" safe "Stop measuring the runtime";
    BYPASS_START "bypass.start" safe "Put the load on bypass";
    BYPASS_STOP "bypass.stop" safe "Take the load off the bypass";
    RESET_INPUT_MINMAX "reset.input.minmax" safe "Forget the lowest and highest input voltage seen";
    RESET_WATCHDOG "reset.watchdog" safe "Restart the watchdog of the UPS";
    BEEPER_ENABLE "beeper.enable" safe "Let the beeper sound";
    BEEPER_DISABLE "beeper.disable" safe "Silence the beeper for good";
    BEEPER_MUTE "beeper.mute" safe "Silence the beeper until the next alarm";
    BEEPER_TOGGLE "beeper.toggle" safe "Enable the beeper or disable it, whichever it is not";
    BEEPER_ON "beeper.on" safe "Old name of beeper.enable";
    BEEPER_OFF "beeper.off" safe "Old name of beeper.disable";
    CLEAR_FAULT_RECORD "clear.fault.record" safe "Forget the recorded faults";
    DRIVER_KILLPOWER "driver.killpower" power "Switch the load off as at the end of a shutdown, if allowed";
    DRIVER_RELOAD "driver.reload" safe "Read the driver's configuration again";
    DRIVER_RELOAD_OR_ERROR "driver.reload-or-error" safe "Read the driver's configuration again and say whether all of it took effect";
    DRIVER_RELOAD_OR_EXIT "driver.reload-or-exit" safe "Read the driver's configuration again, or end the driver";
    DRIVER_RELOAD_OR_RESTART "driver.reload-or-restart" safe "Read the driver's configuration again, or restart the driver";
    DRIVER_EXIT "driver.exit" safe "End the driver";
    ECOMODE_START "experimental.ecomode.start" safe "Enter economy mode";
    ECOMODE_STOP "experimental.ecomode.stop" safe "Leave economy mode";
    BYPASS_ECOMODE_START "experimental.bypass.ecomode.start" safe "Enter economy mode through the bypass";
    BYPASS_ECOMODE_STOP "experimental.bypass.ecomode.stop" safe "Leave economy mode through the bypass";
    ESSMODE_START "experimental.essmode.start" safe "Enter energy saver mode";
    ESSMODE_STOP "experimental.essmode.stop" safe "Leave energy saver mode";
    TEST_BEEPER_START "experimental.test.beeper.start" safe "Start the test of the beeper";
    TEST_BEEPER_STOP "experimental.test.beeper.stop" safe "Stop the test of the beeper";
    [
    "outlet.#.load.off" power "Switch the outlet off now";
    "outlet.#.load.on" power "Switch the outlet on now";
    "outlet.#.load.cycle" power "Switch the outlet off and on again";
    "outlet.#.load.off.delay" power "Switch the outlet off after a delay (seconds)";
    "outlet.#.load.on.delay" power "Switch the outlet on after a delay (seconds)";
    "outlet.#.load.cycle.delay" power "Switch the outlet off and on again after a delay (seconds)";
    "outlet.#.shutdown.return" power "Switch the outlet off and on again when mains return";
    "outlet.#.shutdown.stayoff" power "Switch the outlet off and leave it off";
    ]
}
