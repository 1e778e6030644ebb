//! WATCH and what comes of it.

use super::*;

fn told(session: &mut Session) -> String {
    let mut out = Vec::new();
    session.tell(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn any_client_may_watch_any_ups_there_is() {
    check(
        r#"
> WATCH
< ERR INVALID-ARGUMENT
> WATCH lab x
< ERR INVALID-ARGUMENT
> WATCH nosuch
< ERR UNKNOWN-UPS
> WATCH stale
< OK
! watch stale
> watch LAB
< OK
! watch Lab
"#,
    );
    let mut world = World::new();
    world.plain = Plain::Deny;
    world.check("\n> WATCH lab\n< ERR ACCESS-DENIED\n! log 127.0.0.1 was denied WATCH: husk.toml allows it over TLS only\n");
}

#[test]
fn a_change_is_told_once_by_the_name_the_client_used() {
    let mut world = World::new();
    let mut session = Session::new(PEER, Duration::ZERO);
    assert!(!session.changed("Lab"), "nobody asked for it");
    world.read(&mut session, b"WATCH lAB\nWATCH down\n");
    assert_eq!(session.watched().collect::<Vec<_>>(), ["Lab", "down"]);
    assert_eq!(told(&mut session), "");
    assert!(session.changed("Lab") && session.changed("Lab"));
    assert_eq!(told(&mut session), "CHANGED lAB\n");
    assert_eq!(told(&mut session), "");
    world.read(&mut session, b"WATCH lab\n");
    assert!(session.changed("down") && session.changed("Lab"));
    assert_eq!(told(&mut session), "CHANGED lab\nCHANGED down\n");
}

#[test]
fn nothing_is_told_into_a_handshake_or_after_the_goodbye() {
    let mut world = World::new();
    world.tls = TlsOffer::Ready;
    let mut session = Session::new(PEER, Duration::ZERO);
    world.read(&mut session, b"WATCH lab\n");
    session.changed("Lab");
    session.feed(b"STARTTLS\n");
    let mut out = Vec::new();
    assert_eq!(
        session.next(&world, NOW, &mut out),
        Step::Act(Action::StartTls)
    );
    assert_eq!(told(&mut session), "");
    session.tls_started();
    assert_eq!(told(&mut session), "CHANGED lab\n");
    session.changed("Lab");
    world.read(&mut session, b"LOGOUT\n");
    assert_eq!(told(&mut session), "");
}
