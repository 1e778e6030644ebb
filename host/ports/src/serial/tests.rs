//! A line opened on a pseudo-terminal, with the test as the device at the other end.
#![allow(clippy::unwrap_used)]

use std::fs::OpenOptions;

use rustix::termios::LocalModes;
use tokio::time::Instant;

use super::*;
use crate::testing::{Cable, Scratch};

const SOON: Deadline = Deadline::ms(2000);
/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(1);

async fn took(call: Fut<'_, Vec<u8>>, at_least_ms: u64) -> Result<Vec<u8>, IoError> {
    let start = Instant::now();
    let outcome = call.await;
    let at_least = Duration::from_millis(at_least_ms);
    let took = start.elapsed();
    assert!(
        took + Duration::from_millis(2) >= at_least && took < at_least + SLACK,
        "{took:?} instead of {at_least:?}"
    );
    outcome
}

#[tokio::test]
async fn every_byte_passes_both_ways_unchanged() {
    let (cable, port) = Cable::opened().await;
    let all: Vec<u8> = (0..=255).collect();
    port.write(&all, Duration::ZERO, SOON).await.unwrap();
    assert_eq!(cable.sent(256).await, all);
    cable.send(&all);
    assert_eq!(port.read_exact(256, SOON).await.unwrap(), all);
    let modes = cable.modes();
    assert!(
        !modes
            .local_modes
            .intersects(LocalModes::ECHO | LocalModes::ICANON)
    );
    assert_eq!(modes.output_speed(), 2400);
}

#[tokio::test]
async fn a_silent_device_costs_the_total_and_nothing_more() {
    let (_cable, port) = Cable::opened().await;
    assert_eq!(
        took(port.read(9, Deadline::ms(150)), 150).await,
        Err(IoError::Timeout)
    );
    assert_eq!(
        took(port.read_exact(9, Deadline::ms(150)), 150).await,
        Err(IoError::Timeout)
    );
    assert_eq!(
        took(port.read(9, Deadline::ms(0)), 0).await,
        Err(IoError::Timeout)
    );
}

#[tokio::test]
async fn zero_asks_for_what_is_there_already() {
    let (cable, port) = Cable::opened().await;
    cable.send(b"abcdef");
    assert_eq!(port.read(4, Deadline::ms(0)).await.unwrap(), b"abcd");
    assert_eq!(port.read(4, Deadline::ms(0)).await.unwrap(), b"ef");
}

#[tokio::test]
async fn a_gap_ends_a_call_early_and_the_beginning_is_kept() {
    let (cable, port) = Cable::opened().await;
    cable.send(b"(230.0 0");
    let gap = port.read_until(b"\r", b"", 50, Deadline::ms(5000).gap_ms(100));
    assert_eq!(took(gap, 100).await, Err(IoError::Timeout));
    cable.send(b"01\r(next");
    assert_eq!(
        port.read_until(b"\r", b"", 50, SOON).await.unwrap(),
        b"(230.0 001\r"
    );
    assert_eq!(port.read(50, Deadline::ms(0)).await.unwrap(), b"(next");
}

#[tokio::test]
async fn a_dripping_device_does_not_stretch_the_total() {
    let (cable, port) = Cable::opened().await;
    let dripping = tokio::spawn(async move {
        for _ in 0..40 {
            cable.send(b"x");
            sleep(Duration::from_millis(20)).await;
        }
        cable
    });
    let drip = port.read_exact(100, Deadline::ms(300).gap_ms(200));
    assert_eq!(took(drip, 300).await, Err(IoError::Timeout));
    let _cable = dripping.await.unwrap();
}

#[tokio::test]
async fn unplugging_ends_a_read_under_way() {
    let (cable, port) = Cable::opened().await;
    let reading = tokio::spawn({
        let port = Arc::clone(&port);
        async move { port.read(9, Deadline::ms(10_000)).await }
    });
    let watching = tokio::spawn({
        let port = Arc::clone(&port);
        async move { port.readable().await }
    });
    sleep(Duration::from_millis(50)).await;
    drop(cable);
    let soon = Duration::from_secs(2);
    assert_eq!(
        timeout(soon, reading).await.unwrap().unwrap(),
        Err(IoError::Disconnected)
    );
    assert_eq!(
        timeout(soon, watching).await.unwrap().unwrap(),
        Err(IoError::Disconnected)
    );
    assert_eq!(
        port.write(b"Q1\r", Duration::ZERO, SOON).await,
        Err(IoError::Disconnected)
    );
    assert_eq!(
        port.transact(b"Q1\r", b"\r", 50, SOON).await,
        Err(IoError::Disconnected)
    );
}

#[tokio::test]
async fn readable_waits_for_bytes_and_sees_those_already_taken_in() {
    let (cable, port) = Cable::opened().await;
    let watching = tokio::spawn({
        let port = Arc::clone(&port);
        async move { port.readable().await }
    });
    sleep(Duration::from_millis(50)).await;
    assert!(!watching.is_finished());
    cable.send(b"!alert");
    watching.await.unwrap().unwrap();
    assert_eq!(port.read(1, Deadline::ms(0)).await.unwrap(), b"!");
    timeout(SLACK, port.readable()).await.unwrap().unwrap();
    port.discard(Direction::Input).await.unwrap();
    assert!(
        timeout(Duration::from_millis(50), port.readable())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_line_has_one_user_until_it_is_closed() {
    let (cable, port) = Cable::opened().await;
    let second = Arc::clone(&port);
    let refused = open(&cable.path, Lock::Exclusive).await.err().unwrap();
    assert!(
        matches!(&refused, OpenError::Busy(path) if *path == cable.path),
        "{refused}"
    );
    // Those who do not ask for a lock are kept out too, except root.
    if !rustix::process::geteuid().is_root() {
        let uninvited = OpenOptions::new().read(true).open(&cable.path).unwrap_err();
        assert_eq!(uninvited.kind(), std::io::ErrorKind::ResourceBusy);
    }
    // One instance goes, the other speaks on over the same line.
    drop(port);
    assert!(open(&cable.path, Lock::Exclusive).await.is_err());
    second.write(b"Q1\r", Duration::ZERO, SOON).await.unwrap();
    assert_eq!(cable.sent(3).await, b"Q1\r");
    drop(second);
    // Somebody who holds the tty open (here: us) does not keep exclusive mode alive.
    let _other = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&cable.path)
        .unwrap();
    open(&cable.path, Lock::Exclusive).await.unwrap();
}

#[tokio::test]
async fn without_a_lock_a_line_is_shared() {
    let cable = Cable::new();
    let _first = open(&cable.path, Lock::None).await.unwrap();
    open(&cable.path, Lock::None).await.unwrap();
}

#[tokio::test]
async fn what_is_no_terminal_is_refused() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("file"), "").unwrap();
    let error = open(&scratch.path("file"), Lock::Exclusive)
        .await
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("is not a serial port"),
        "{error}"
    );
    let none = open(&scratch.path("none"), Lock::Exclusive).await;
    assert!(matches!(none, Err(OpenError::NotFound(_))));
}

#[tokio::test]
async fn line_settings_are_taken_or_refused() {
    let (cable, port) = Cable::opened().await;
    let asked = LineSettings {
        baud: 12_345,
        stop_bits: StopBits::Two,
        flow: Flow::XonXoff,
        ..LineSettings::default()
    };
    port.configure(asked).await.unwrap();
    let modes = cable.modes();
    assert_eq!(modes.output_speed(), 12_345);
    assert!(modes.control_modes.contains(ControlModes::CSTOPB));
    assert!(
        modes
            .input_modes
            .contains(InputModes::IXON | InputModes::IXOFF)
    );
    for bad in [
        LineSettings { baud: 0, ..asked },
        LineSettings {
            data_bits: 9,
            ..asked
        },
    ] {
        assert_eq!(port.configure(bad).await, Err(IoError::Unsupported));
    }
    assert_eq!(cable.modes().output_speed(), 12_345);
}

#[tokio::test]
async fn a_line_goes_back_to_its_earlier_state() {
    let (cable, port) = Cable::opened().await;
    let before = port.state().await.unwrap();
    assert_eq!(before, LineState::default());
    let other = LineSettings {
        baud: 19_200,
        flow: Flow::RtsCts,
        stop_bits: StopBits::Two,
        ..LineSettings::default()
    };
    port.configure(other).await.unwrap();
    assert_eq!(port.state().await.unwrap().settings, other);
    cable.send(b"half an answer of the one who left");
    port.restore(before).await.unwrap();
    assert_eq!(port.state().await.unwrap(), before);
    assert_eq!(port.read(9, Deadline::ms(50)).await, Err(IoError::Timeout));
}

#[tokio::test]
async fn a_pseudo_terminal_has_no_modem_lines() {
    let (_cable, port) = Cable::opened().await;
    assert_eq!(port.get_lines().await, Err(IoError::Unsupported));
    assert_eq!(
        port.set_lines(OutLines {
            dtr: true,
            rts: false
        })
        .await,
        Err(IoError::Unsupported)
    );
    assert_eq!(
        port.exchange_lines(OutLines::default()).await,
        Err(IoError::Unsupported)
    );
    assert_eq!(
        port.send_break(limits::BREAK * 2).await,
        Err(IoError::TooLong)
    );
}

#[tokio::test]
async fn the_close_policy_is_the_hang_up_flag() {
    let (cable, port) = Cable::opened().await;
    for keep in [true, false] {
        port.keep_on_close(keep).await.unwrap();
        assert_eq!(
            cable.modes().control_modes.contains(ControlModes::HUPCL),
            !keep
        );
    }
}

#[tokio::test]
async fn paced_bytes_leave_one_by_one() {
    let (cable, port) = Cable::opened().await;
    let pace = Duration::from_millis(20);
    let start = Instant::now();
    port.write(b"12345", pace, SOON).await.unwrap();
    assert!(start.elapsed() >= pace * 4);
    assert_eq!(cable.sent(5).await, b"12345");
    assert_eq!(
        port.write(b"12345", pace, Deadline::ms(30)).await,
        Err(IoError::Timeout)
    );
    // What would have come too late is not sent.
    port.write(b"end", Duration::ZERO, SOON).await.unwrap();
    let sent = cable.sent(5).await;
    assert!(sent == b"12end" || sent == b"1end", "{sent:?}");
}

#[tokio::test]
async fn a_device_that_takes_nothing_costs_the_total() {
    let (_cable, port) = Cable::opened().await;
    let start = Instant::now();
    let much = vec![b'x'; 1 << 20];
    assert_eq!(
        port.write(&much, Duration::ZERO, Deadline::ms(100)).await,
        Err(IoError::Timeout)
    );
    assert!(start.elapsed() < Duration::from_millis(100) + SLACK);
}

#[tokio::test]
async fn draining_waits_until_sent_and_discarding_empties() {
    let (cable, port) = Cable::opened().await;
    port.write(b"Q1\r", Duration::ZERO, SOON).await.unwrap();
    port.drain(SOON).await.unwrap();
    assert_eq!(cable.sent(3).await, b"Q1\r");
    cable.send(b"stale\rhalf");
    assert_eq!(
        port.read_until(b"\r", b"", 50, SOON).await.unwrap(),
        b"stale\r"
    );
    cable.send(b"more");
    port.discard(Direction::Both).await.unwrap();
    assert_eq!(port.read(50, Deadline::ms(50)).await, Err(IoError::Timeout));
}

#[tokio::test]
async fn a_transaction_forgets_the_past_and_answers_in_one_call() {
    let (cable, port) = Cable::opened().await;
    cable.send(b"noise\r");
    let device = tokio::spawn(async move {
        assert_eq!(cable.sent(3).await, b"Q1\r");
        cable.send(b"(230.0 001\r");
        cable
    });
    assert_eq!(
        port.transact(b"Q1\r", b"\r", 50, SOON).await.unwrap(),
        b"(230.0 001\r"
    );
    let _cable = device.await.unwrap();
    assert_eq!(
        took(port.transact(b"Q1\r", b"\r", 50, Deadline::ms(100)), 100).await,
        Err(IoError::Timeout)
    );
}
