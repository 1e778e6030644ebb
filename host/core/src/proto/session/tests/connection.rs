//! The connection itself: pieces, floods, TLS, silence.

use super::*;

#[test]
fn requests_may_come_in_pieces_and_together() {
    let mut world = World::new();
    let mut session = Session::new(PEER, Duration::ZERO);
    assert_eq!(world.read(&mut session, b"NET"), "");
    assert_eq!(
        world.read(&mut session, b"VER\nVER x\nNETV"),
        "< 1.3\n< ERR INVALID-ARGUMENT\n"
    );
    assert_eq!(world.read(&mut session, b"ER\r\n"), "< 1.3\n");
}

#[test]
fn an_unreadable_request_is_not_answered_and_takes_the_read_with_it() {
    let mut world = World::new();
    let mut session = Session::new(PEER, Duration::ZERO);
    let log = world.read(&mut session, b"SET VAR lab ups.id \"a # b\nNETVER\n");
    assert!(
        log.starts_with("! log a request from 127.0.0.1 cannot be read"),
        "{log}"
    );
    assert_eq!(log.lines().count(), 1);
    assert_eq!(world.read(&mut session, b"NETVER\n"), "< 1.3\n");
    for _ in 0..limits::COMPLAINTS {
        world.read(&mut session, b"\"#");
    }
    assert_eq!(
        world.read(&mut session, b"\"#"),
        "",
        "the log is not for flooding"
    );
}

#[test]
fn tls_starts_once_if_configured() {
    check("\n> STARTTLS\n< ERR FEATURE-NOT-CONFIGURED\n");
    let mut world = World::new();
    world.tls = TlsOffer::Ready;
    world.check(
        r#"
> USERNAME admin
< OK
> STARTTLS ignored
< OK STARTTLS
! tls
> STARTTLS
< ERR ALREADY-SSL-MODE
> USERNAME admin
< ERR ALREADY-SET-USERNAME
"#,
    );
}

/// upsd reads on in clear and answers what was slipped in behind STARTTLS.
#[test]
fn what_follows_starttls_in_clear_is_thrown_away() {
    let mut world = World::new();
    world.tls = TlsOffer::Ready;
    let mut session = Session::new(PEER, Duration::ZERO);
    let mut out = Vec::new();
    session.feed(b"STARTTLS\nNETVER\nNETV");
    assert_eq!(
        session.next(&world, NOW, &mut out),
        Step::Act(Action::StartTls)
    );
    session.feed(b"ER\n");
    assert_eq!(session.next(&world, NOW, &mut out), Step::NeedInput);
    session.tls_started();
    assert_eq!(out, b"OK STARTTLS\n");
    assert_eq!(world.read(&mut session, b"NETVER\n"), "< 1.3\n");
}

#[test]
fn a_request_waits_for_its_driver_before_the_next_is_read() {
    let world = World::new();
    let mut session = Session::new(PEER, Duration::ZERO);
    let mut out = Vec::new();
    session.feed(b"USERNAME admin\nPASSWORD pw\nINSTCMD lab load.off\nNETVER\n");
    assert_eq!(session.next(&world, NOW, &mut out), Step::Continue);
    assert_eq!(session.next(&world, NOW, &mut out), Step::Continue);
    let step = session.next(&world, NOW, &mut out);
    assert!(matches!(step, Step::Act(Action::Run(_))), "{step:?}");
    assert_eq!(session.next(&world, NOW, &mut out), Step::NeedInput);
    session.handed_over(true, &mut out);
    session.handed_over(true, &mut out);
    assert_eq!(session.next(&world, NOW, &mut out), Step::Continue);
    assert_eq!(out, b"OK\nOK\nOK\n1.3\n");
}

#[test]
fn a_flood_ends_the_connection() {
    let mut world = World::new();
    let mut session = Session::new(PEER, Duration::ZERO);
    session.feed(&[b'x'; limits::PENDING]);
    assert_eq!(world.read(&mut session, b"x"), "! close\n");
    assert_eq!(world.read(&mut session, b"VER\n"), "! close\n");
    let mut session = Session::new(PEER, Duration::ZERO);
    for _ in 0..8 {
        assert_eq!(world.read(&mut session, &[b'x'; limits::PENDING]), "");
    }
    assert_eq!(world.read(&mut session, b"\n"), "< ERR UNKNOWN-COMMAND\n");
}

#[test]
fn only_a_whole_request_counts_as_a_sign_of_life() {
    let mut world = World::new();
    let mut session = Session::new(PEER, Duration::ZERO);
    assert_eq!(session.idle_deadline(), limits::IDLE);
    world.read(&mut session, b"VE");
    assert_eq!(session.idle_deadline(), limits::IDLE);
    world.read(&mut session, b"R\n");
    assert_eq!(session.idle_deadline(), NOW + limits::IDLE);
    assert_eq!(session.username(), None);
    assert_eq!(session.login(), None);
}

#[test]
fn a_password_that_takes_time_is_judged_once_and_the_request_then_answered() {
    let mut world = World::new();
    world.slow.insert("slow right".to_owned(), true);
    world.check(
        r#"
> USERNAME mon
< OK
> PASSWORD "slow right"
< OK
> LOGIN nowhere
< ERR UNKNOWN-UPS
> LOGIN lab
! judge Claim(mon)
< OK
! login Lab
> PRIMARY lab
< OK PRIMARY-GRANTED
> SET VAR lab ups.id x
< ERR ACCESS-DENIED
! log mon@127.0.0.1 was denied SET: wrong password, or upsd.users does not grant it
"#,
    );
}

#[test]
fn a_wrong_password_is_one_guess_and_one_not_looked_at_is_none() {
    let mut world = World::new();
    world.slow.insert("slow wrong".to_owned(), false);
    let wrong = "< ERR ACCESS-DENIED\n! log mon@127.0.0.1 was denied PRIMARY: wrong password, or upsd.users does not grant it\n";
    let ask = |password: &str| format!("USERNAME mon\nPASSWORD \"{password}\"\n");
    let mut session = Session::new(PEER, Duration::ZERO);
    world.read(&mut session, ask("slow wrong").as_bytes());
    let judge = "! judge Claim(mon)\n";
    let request = b"PRIMARY lab\n";
    assert_eq!(world.read(&mut session, request), format!("{judge}{wrong}"));
    assert_eq!(world.read(&mut session, request), wrong);

    let mut session = Session::new(PEER, Duration::ZERO);
    world.read(&mut session, ask("slow unseen").as_bytes());
    // Nothing for the log: guessers send many.
    let unseen = format!("{judge}< ERR ACCESS-DENIED\n");
    assert_eq!(world.read(&mut session, request), unseen);
    world.slow.insert("slow unseen".to_owned(), true);
    assert_eq!(
        world.read(&mut session, request),
        format!("{judge}< OK PRIMARY-GRANTED\n")
    );
}

#[test]
fn a_reload_voids_the_verdict() {
    let mut world = World::new();
    world.slow.insert("slow".to_owned(), true);
    let mut session = Session::new(PEER, Duration::ZERO);
    world.read(&mut session, b"USERNAME mon\nPASSWORD slow\n");
    let granted = "! judge Claim(mon)\n< OK PRIMARY-GRANTED\n";
    assert_eq!(world.read(&mut session, b"PRIMARY lab\n"), granted);
    world.users = users::parse("upsd.users", b"[mon]\npassword = new\nupsmon primary\n").0;
    assert_eq!(world.read(&mut session, b"PRIMARY lab\n"), granted);
    world.users = Users::default();
    let log = world.read(&mut session, b"PRIMARY lab\n");
    assert!(
        log.starts_with("! judge Claim(mon)\n< ERR ACCESS-DENIED\n"),
        "{log}"
    );
}

#[test]
fn connections_in_clear_do_what_the_policy_allows() {
    let mut world = World::new();
    world.tls = TlsOffer::Ready;
    world.plain = Plain::ReadOnly;
    let mut session = Session::new(PEER, Duration::ZERO);
    for (request, reply) in [
        ("GET UPSDESC down", "< UPSDESC down \"Unavailable\"\n"),
        ("NETVER", "< 1.3\n"),
        ("LOGIN lab", "< ERR ACCESS-DENIED\n"),
        ("USERNAME admin", "< ERR ACCESS-DENIED\n"),
    ] {
        let answer = world.read(&mut session, format!("{request}\n").as_bytes());
        assert!(answer.starts_with(reply), "{request}: {answer}");
    }
    world.plain = Plain::Deny;
    let answer = world.read(&mut session, b"GET UPSDESC down\n");
    assert!(answer.starts_with("< ERR ACCESS-DENIED\n"), "{answer}");
    assert_eq!(world.read(&mut session, b"NETVER\n"), "< 1.3\n");
    world.read(&mut session, b"STARTTLS\n");
    assert_eq!(world.read(&mut session, b"USERNAME admin\n"), "< OK\n");
}
