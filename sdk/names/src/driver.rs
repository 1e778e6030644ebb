//! `driver.*` and `server.*`: the programs between the device and the client.

use crate::info::variables;

variables! {
    DRIVER_NAME "driver.name" Text ro "Driver of the device";
    DRIVER_VERSION "driver.version" Text ro "Version of the program the driver came with";
    DRIVER_VERSION_INTERNAL "driver.version.internal" Text ro "Version of the driver itself";
    DRIVER_VERSION_DATA "driver.version.data" Text ro "Version of the driver's tables";
    DRIVER_VERSION_USB "driver.version.usb" Text ro "Version of the USB library";
    DRIVER_STATE "driver.state" Words ro "What the driver is doing";
    DRIVER_DEBUG "driver.debug" Count rw "How much the driver logs";
    DRIVER_FLAG_ALLOW_KILLPOWER "driver.flag.allow_killpower" Count rw "driver.killpower may cut the power, 0 or 1";
    DRIVER_RECONNECT_COUNT "driver.reconnect_count" Count ro "Attempts made to reach the device again";
    DRIVER_RESET_COUNT "driver.reset_count" Count ro "Resets of the USB device since the driver was configured";
    DRIVER_RECONNECT_MAX_TRIES "driver.reconnect_max_tries" Count ro "Attempts allowed to reach the device again";
    DRIVER_PARAMETER_PORT "driver.parameter.port" Text ro "Port the device is connected to";
    DRIVER_PARAMETER_POLLINTERVAL "driver.parameter.pollinterval" Second ro "Time between two polls";
    DRIVER_PARAMETER_POLLFREQ "driver.parameter.pollfreq" Second ro "Time between two full polls";
    DRIVER_PARAMETER_SYNCHRONOUS "driver.parameter.synchronous" Words ro "How the driver writes to the server: yes, no or auto";
    DRIVER_PARAMETER_MODE "driver.parameter.mode" Words ro "Mode of the simulation";
    SERVER_INFO "server.info" Text ro "Name and version of the server";
    SERVER_VERSION "server.version" Text ro "Version of the server";
}
