//! What needs rights, and what becomes of it.

use super::*;

#[test]
fn rights_are_asked_for_before_words_are_counted() {
    check(
        r#"
> LOGIN
< ERR USERNAME-REQUIRED
> SET
< ERR USERNAME-REQUIRED
> USERNAME
< ERR INVALID-ARGUMENT
> USERNAME a b
< ERR INVALID-ARGUMENT
> USERNAME admin
< OK
> USERNAME other
< ERR ALREADY-SET-USERNAME
> INSTCMD
< ERR PASSWORD-REQUIRED
> PASSWORD bad
< OK
> PASSWORD pw
< ERR ALREADY-SET-PASSWORD
> LOGIN
< ERR INVALID-ARGUMENT
> LOGIN nosuch
< ERR UNKNOWN-UPS
> FSD lab
< ERR ACCESS-DENIED
! log admin@127.0.0.1 was denied FSD: wrong password, or upsd.users does not grant it
"#,
    );
}

#[test]
fn a_monitor_logs_in_once_and_may_force_a_shutdown() {
    check(
        r#"
> PASSWORD "p=w"
< OK
> USERNAME mon
< OK
> LOGIN down
< OK
! login down
> LOGIN nosuch
< ERR ALREADY-LOGGED-IN
> LIST CLIENT DOWN
< BEGIN LIST CLIENT DOWN
< CLIENT down 127.0.0.1
< CLIENT down ::1
< END LIST CLIENT DOWN
> PRIMARY lab
< OK PRIMARY-GRANTED
> MASTER LAB
< OK MASTER-GRANTED
> PRIMARY nosuch
< ERR UNKNOWN-UPS
> FSD lab x
< ERR INVALID-ARGUMENT
> FSD lab
< OK FSD-SET
! fsd Lab
> GET VAR lab UPS.STATUS
< VAR lab UPS.STATUS "FSD OL"
> FSD down
< OK FSD-SET
! fsd down
> SET VAR lab ups.id x
< ERR ACCESS-DENIED
! log mon@127.0.0.1 was denied SET: wrong password, or upsd.users does not grant it
> LOGOUT x
< ERR INVALID-ARGUMENT
> LOGOUT
< OK Goodbye
! close
"#,
    );
}

#[test]
fn a_write_is_checked_against_what_the_driver_declared() {
    check(
        r#"
> USERNAME admin
< OK
> PASSWORD pw
< OK
> SET FOO BAR
< ERR INVALID-ARGUMENT
> SET VAR lab ups.id
< ERR INVALID-ARGUMENT
> SET VAR nosuch ups.id x
< ERR UNKNOWN-UPS
> SET VAR down ups.id x
< ERR DRIVER-NOT-CONNECTED
> SET VAR lab no.such x
< ERR VAR-NOT-SUPPORTED
> SET VAR lab ups.status OL
< ERR READONLY
> SET VAR lab ups.id 123456789
< ERR TOO-LONG
> SET VAR lab ups.none ""
< ERR SET-FAILED
> SET VAR lab UPS.id "\"\"\"\"" #1
< OK
! Lab ups.id="""" for admin
> SET VAR lab ups.id a=b
< OK
! Lab ups.id=a for admin
> SET VAR lab input.sensitivity high
< ERR INVALID-VALUE
> SET VAR lab input.sensitivity High
< OK
! Lab input.sensitivity=High for admin
> SET VAR lab input.transfer.low 205
< ERR INVALID-VALUE
> SET VAR lab input.transfer.low "200.9 V"
< OK
! Lab input.transfer.low=200.9 V for admin
> SET VAR lab input.transfer.low ""
< OK
! Lab input.transfer.low= for admin
> SET VAR lab a.both 12345
< ERR TOO-LONG
> SET VAR lab ups.delay.shutdown abc
< OK
! Lab ups.delay.shutdown=abc for admin
"#,
    );
}

/// upsd compares choices with the escaped value and so can never set this one.
#[test]
fn a_choice_with_a_quote_can_be_set() {
    check(
        r#"
> USERNAME admin
< OK
> PASSWORD pw
< OK
> SET VAR lab input.sensitivity "a\"q"
< OK
! Lab input.sensitivity=a"q for admin
"#,
    );
}

#[test]
fn a_command_takes_one_parameter_or_none() {
    check(
        r#"
> USERNAME admin
< OK
> PASSWORD pw
< OK
> INSTCMD lab
< ERR INVALID-ARGUMENT
> INSTCMD nosuch load.off
< ERR UNKNOWN-UPS
> INSTCMD stale load.off
< ERR DATA-STALE
> INSTCMD lab no.such
< ERR CMD-NOT-SUPPORTED
> INSTCMD LAB LOAD.off
< OK
! Lab load.off None for admin
> INSTCMD lab load.off "5 s"
< OK
! Lab load.off Some("5 s") for admin
> INSTCMD lab load.off ""
< OK
! Lab load.off None for admin
> INSTCMD lab load.off 5 6
< OK
! Lab load.off None for admin
"#,
    );
}

#[test]
fn commands_are_granted_one_by_one() {
    check(
        r#"
> USERNAME one
< OK
> PASSWORD pw
< OK
> INSTCMD lab load.off
< ERR ACCESS-DENIED
! log one@127.0.0.1 was denied INSTCMD: wrong password, or upsd.users does not grant it
> INSTCMD lab no.such
< ERR CMD-NOT-SUPPORTED
> INSTCMD lab beeper.toggle
< OK
! Lab beeper.toggle None for one
"#,
    );
}

#[test]
fn a_driver_that_is_gone_is_told_to_the_client() {
    let mut world = World::new();
    world.driver_listens = false;
    world.check(
        r#"
> USERNAME admin
< OK
> PASSWORD pw
< OK
> SET TRACKING ON
< OK
! tracking
> SET VAR lab ups.id x
< ERR SET-FAILED
! Lab ups.id=x for admin
> INSTCMD lab load.off
< ERR INSTCMD-FAILED
! Lab load.off None for admin
"#,
    );
}

#[test]
fn tracking_gives_ids_and_answers_for_them() {
    check(&format!(
        r#"
> GET TRACKING
< OFF
> GET TRACKING {ID}
< ERR FEATURE-NOT-CONFIGURED
> SET TRACKING ON
< ERR USERNAME-REQUIRED
> USERNAME admin
< OK
> PASSWORD pw
< OK
> SET TRACKING
< ERR INVALID-ARGUMENT
> SET TRACKING maybe
< ERR INVALID-ARGUMENT
> set tracking on
< OK
! tracking
> GET TRACKING
< ON
> SET VAR lab ups.id x
< OK TRACKING {ID}
! Lab ups.id=x for admin
> INSTCMD lab load.off
< OK TRACKING {ID}
! Lab load.off None for admin
> GET TRACKING {ID}
< SUCCESS
> GET TRACKING x
< ERR UNKNOWN
> SET TRACKING off
< OK
> INSTCMD lab load.off
< OK
! Lab load.off None for admin
"#
    ));
    assert_eq!(tracking::id([0xff; 16]).len(), ID.len());
}
