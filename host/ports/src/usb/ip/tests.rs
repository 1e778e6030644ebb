//! Against a device made of a closure on the other end of a socket.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::time::{Duration, Instant};

use tokio::net::UnixListener;

use super::*;
use crate::testing::Scratch;
use crate::usb::Claim;
use crate::{Deadline, limits};

const DEVICE_DESCRIPTOR: [u8; 18] = [
    18, 1, 0x10, 1, 0, 0, 0, 8, 0x1d, 0x05, 2, 0, 6, 1, 1, 2, 0, 1,
];
const CONFIGURATION: [u8; 25] = [
    9, 2, 25, 0, 1, 1, 0, 0xa0, 50, 9, 4, 0, 0, 1, 3, 0, 0, 0, 7, 5, 0x81, 3, 8, 0, 10,
];

/// What the device does with a class request; standard ones it answers by itself.
#[derive(Clone, Copy)]
enum Answer {
    Report,
    Stall,
    Silence,
    /// One answer and then the plug is pulled.
    Gone,
}

async fn serve(listener: UnixListener, answer: Answer) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut header = [0; HEADER];
    let mut reads = 0;
    while stream.read_exact(&mut header).await.is_ok() {
        let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
        let (command, number, to_host, endpoint) = (word(0), word(4), word(12) == 1, word(16));
        let mut data = vec![0; if to_host { 0 } else { word(24) as usize }];
        if command == SUBMIT {
            stream.read_exact(&mut data).await.unwrap();
        }
        let setup = &header[40..48];
        let (status, reply): (i32, Vec<u8>) = match (command, endpoint, setup) {
            (UNLINK, ..) => {
                let mut packet = vec![0; HEADER];
                packet[3] = 4;
                stream.write_all(&packet).await.unwrap();
                continue;
            }
            // One report on the interrupt endpoint, and then none.
            (_, 1, _) if reads == 0 => {
                reads = 1;
                (0, vec![0x16, 0x0c])
            }
            (_, 1, _) => continue,
            (_, _, [0x80, 6, _, 1, ..]) => (0, DEVICE_DESCRIPTOR.to_vec()),
            (_, _, [0x80, 6, 0, 2, ..]) => (0, CONFIGURATION.to_vec()),
            (_, _, [0x80, 6, 0, 3, ..]) => (0, vec![4, 3, 9, 4]),
            (_, _, [0x80, 6, 2, 3, ..]) => (0, vec![8, 3, b'U', 0, b'P', 0, b'S', 0]),
            (_, _, [0x80, ..]) => (-32, vec![]),
            (_, _, [0, 9, 1, ..]) => (0, vec![]),
            _ => match answer {
                Answer::Report => (0, vec![setup[2], 99]),
                Answer::Stall => (-32, vec![]),
                Answer::Silence => continue,
                Answer::Gone => return,
            },
        };
        let length = reply.len().min(word(24) as usize);
        let mut packet = Vec::new();
        for word in [
            SUBMITTED,
            number,
            0,
            0,
            0,
            status.cast_unsigned(),
            length as u32,
        ] {
            packet.extend(word.to_be_bytes());
        }
        packet.resize(HEADER, 0);
        if to_host {
            packet.extend(&reply[..length]);
        }
        stream.write_all(&packet).await.unwrap();
    }
}

fn request(vendor_id: u16) -> Request {
    Request {
        claims: vec![Claim {
            vendor_id,
            product_id: None,
            interface: None,
        }],
        ..Request::default()
    }
}

async fn opened(scratch: &Scratch, answer: Answer) -> Arc<dyn UsbPort> {
    let path = scratch.path("usb");
    tokio::spawn(serve(UnixListener::bind(&path).unwrap(), answer));
    open(&path, &request(0x051d)).await.unwrap()
}

fn get_report(id: u8) -> Setup {
    Setup {
        request_type: 0xa1,
        request: 1,
        value: 0x0300 | u16::from(id),
        index: 0,
        length: 8,
    }
}

#[tokio::test]
async fn a_device_is_who_its_descriptors_say_and_answers() {
    let scratch = Scratch::new();
    let port = opened(&scratch, Answer::Report).await;
    let identity = port.identity();
    assert_eq!((identity.vendor_id, identity.release), (0x051d, 0x0106));
    assert_eq!(identity.manufacturer, None, "it stalls that one");
    assert_eq!(identity.product.as_deref(), Some("UPS"));
    assert_eq!(port.configuration(), CONFIGURATION);
    let report = port.control_in(get_report(12), Deadline::ms(1000)).await;
    assert_eq!(report, Ok(vec![12, 99]));
    let set = Setup {
        request_type: 0x21,
        request: 9,
        ..get_report(12)
    };
    assert_eq!(
        port.control_out(set, &[12, 1], Deadline::ms(1000)).await,
        Ok(())
    );
    let address = Setup {
        request_type: 0,
        request: 5,
        ..set
    };
    assert_eq!(
        port.control_out(address, &[], Deadline::ms(1000)).await,
        Err(IoError::Denied)
    );
}

#[tokio::test]
async fn a_report_wakes_and_is_read_once() {
    let scratch = Scratch::new();
    let port = opened(&scratch, Answer::Report).await;
    port.readable().await.unwrap();
    let deadline = Deadline::ms(20);
    assert_eq!(port.read(0x81, 1, deadline).await, Err(IoError::Overflow));
    assert_eq!(port.read(0x81, 8, deadline).await, Err(IoError::Timeout));
    let waiting = timeout(Duration::from_millis(20), port.readable());
    assert!(waiting.await.is_err());
    assert_eq!(port.read(0x82, 8, deadline).await, Err(IoError::Denied));
}

#[tokio::test]
async fn stall_silence_and_unplugging_are_told_apart() {
    for (answer, expected) in [
        (Answer::Stall, IoError::Stall),
        (Answer::Silence, IoError::Timeout),
        (Answer::Gone, IoError::Disconnected),
    ] {
        let scratch = Scratch::new();
        let port = opened(&scratch, answer).await;
        let began = Instant::now();
        let outcome = port.control_in(get_report(1), Deadline::ms(100)).await;
        assert_eq!(outcome, Err(expected));
        assert!(began.elapsed() < limits::USB_STEP);
        if let Answer::Gone = answer {
            assert_eq!(
                port.read(0x81, 8, Deadline::ms(100)).await,
                Err(IoError::Disconnected)
            );
        }
    }
}

#[tokio::test]
async fn another_device_is_not_opened() {
    let scratch = Scratch::new();
    let path = scratch.path("usb");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(serve(listener, Answer::Report));
    let Err(error) = open(&path, &request(0x0463)).await else {
        panic!("opened another's device");
    };
    assert_eq!(
        error.to_string(),
        "no USB device to use: 051d:0002 at 1-1: no driver claims it"
    );
    assert!(open(&scratch.path("none"), &request(0x051d)).await.is_err());
}
