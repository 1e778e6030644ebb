//! Generated from `wit/v0.1`: types and traits of both sides of the border.
#![allow(missing_docs, unreachable_pub, clippy::all)]

wasmtime::component::bindgen!({
    path: "../../wit/v0.1",
    world: "host-side",
    imports: {
        "ups:driver/host.sleep-ms": async | trappable,
        // Functions that never wait stay synchronous: 0.1 instead of 0.4 microseconds a call.
        "ups:driver/host": trappable,
        // What the host read before is given at once.
        "ups:driver/usb.[method]device.identity": trappable,
        "ups:driver/usb.[method]device.configuration": trappable,
        "ups:driver/snmp.[method]agent.identity": trappable,
        default: async | trappable,
    },
    exports: { default: async },
    with: {
        "ups:driver/serial.port": crate::host::handles::SerialHandle,
        "ups:driver/files.directory": crate::host::handles::DirectoryHandle,
        "ups:driver/stream.connection": crate::host::handles::ConnectionHandle,
        "ups:driver/usb.device": crate::host::handles::UsbHandle,
        "ups:driver/snmp.agent": crate::host::handles::AgentHandle,
    },
});
