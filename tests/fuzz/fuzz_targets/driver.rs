//! The socket between a server and a driver program, both ends: the picture a server makes of what a driver says is bounded
//! and clean, and a driver with that picture, whole or changing, makes the same picture again.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use husk_core::proto::driver::{Mirror, Serving, Step};
use husk_core::state::Snapshot;
use libfuzzer_sys::fuzz_target;

const NOW: Duration = Duration::ZERO;

fn mirror() -> Mirror {
    let mut mirror = Mirror::new(Duration::from_secs(15));
    mirror.connected(NOW, &mut Vec::new());
    // The placeholder of a server that waits for the first dump; a driver without a status leaves it standing.
    mirror.feed(b"DELINFO ups.status\n", NOW);
    mirror
}

/// Bounded, printable, sorted, each name once.
fn check(snapshot: &Snapshot) {
    let printable = |text: &str| text.bytes().all(|byte| (0x20..=0x7f).contains(&byte));
    for variable in &snapshot.variables {
        assert!(printable(&variable.name) && printable(&variable.value));
        assert!(variable.choices.iter().all(|choice| printable(choice)));
    }
    let names: Vec<String> = snapshot
        .variables
        .iter()
        .map(|v| v.name.to_lowercase())
        .collect();
    assert!(names.is_sorted() && names.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(snapshot.commands.iter().all(|command| printable(command)));
}

/// Names as our drivers have them; those of others need not come through a dump.
fn is_plain(snapshot: &Snapshot) -> bool {
    let plain = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    snapshot
        .variables
        .iter()
        .all(|variable| plain(&variable.name))
        && snapshot.commands.iter().all(|name| plain(name))
}

fn talk(serving: &mut Serving, bytes: &[u8], current: &Arc<Snapshot>) -> Vec<u8> {
    let mut out = Vec::new();
    serving.feed(bytes);
    loop {
        match serving.next(current, 1, &mut out) {
            Step::NeedInput => return out,
            Step::Act(husk_core::proto::driver::Action::Close) => return out,
            _ => {}
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let (first, second) = data.split_at(data.len() / 2);
    let mut heard = mirror();
    heard.feed(b"DUMPDONE\n", NOW);
    heard.feed(first, NOW);
    let before = Arc::new(heard.snapshot());
    check(&before);
    for byte in second {
        heard.feed(&[*byte], NOW);
    }
    let after = Arc::new(heard.snapshot());
    check(&after);

    let mut serving = Serving::new(Arc::clone(&before));
    talk(&mut serving, data.get(..4096).unwrap_or(data), &before);

    if is_plain(&before) && is_plain(&after) {
        let mut serving = Serving::new(Arc::clone(&before));
        let mut again = mirror();
        again.feed(&talk(&mut serving, b"DUMPALL\n", &before), NOW);
        assert_eq!(again.snapshot(), *before);
        let mut news = Vec::new();
        serving.changed(&after, &mut news);
        again.feed(&news, NOW);
        assert_eq!(again.snapshot(), *after);
    }
});
