//! What may be asked without rights.

use super::*;

#[test]
fn the_server_about_itself() {
    check(
        r#"
> VER
< Network UPS Tools upsd 0.1.0 - https://github.com/husk-ups/husk
> VER x
< ERR INVALID-ARGUMENT
> netver
< 1.3
> PROTVER
< 1.3
> NETVER 1
< ERR INVALID-ARGUMENT
> HELP
< Commands: HELP VER PROTVER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS
> GET VAR nosuch server.version
< VAR nosuch server.version "0.1.0"
> GET VAR x SERVER.INFO
< VAR x server.info "Network UPS Tools upsd 0.1.0 - https://github.com/husk-ups/husk"
> GET VAR x server.
< ERR VAR-NOT-SUPPORTED
"#,
    );
}

#[test]
fn words_are_the_lexers() {
    check(
        r#"
> 
< ERR UNKNOWN-COMMAND
> # comment
< ERR UNKNOWN-COMMAND
> NOSUCH
< ERR UNKNOWN-COMMAND
> VER"
< ERR UNKNOWN-COMMAND
> "NETVER"
< 1.3
> NETVER#x
< 1.3
> GET VAR l\ab ups.status
< VAR lab ups.status "OL"
> GET VAR lab=x
< ERR VAR-NOT-SUPPORTED
"#,
    );
}

#[test]
fn get_checks_words_then_ups_then_data_then_variable() {
    check(
        r#"
> GET
< ERR INVALID-ARGUMENT
> GET FOO
< ERR INVALID-ARGUMENT
> GET VAR lab
< ERR INVALID-ARGUMENT
> GET FOO a b
< ERR INVALID-ARGUMENT
> GET VAR nosuch ups.status
< ERR UNKNOWN-UPS
> GET VAR down nosuch
< ERR DRIVER-NOT-CONNECTED
> GET VAR stale ups.status
< ERR DATA-STALE
> GET VAR lost ups.status
< ERR DATA-STALE
> GET VAR lab no.such
< ERR VAR-NOT-SUPPORTED
> GET VAR lab ups.status surplus
< VAR lab ups.status "OL"
> get var LAB UPS.Status
< VAR LAB UPS.Status "OL"
> GET VAR lab ups.id
< VAR lab ups.id "a\"b\\c\#d"
> GET NUMLOGINS lab
< NUMLOGINS lab 0
> GET NUMLOGINS stale
< ERR DATA-STALE
> GET UPSDESC lab
< UPSDESC lab "Rack \"A\" \#1"
> GET UPSDESC down
< UPSDESC down "Unavailable"
> GET UPSDESC nosuch
< ERR UNKNOWN-UPS
"#,
    );
}

#[test]
fn types_say_all_they_are_in_one_order() {
    check(
        r#"
> GET TYPE lab ups.status
< TYPE lab ups.status NUMBER
> GET TYPE lab ups.id
< TYPE lab ups.id RW STRING:8
> GET TYPE lab input.transfer.low
< TYPE lab input.transfer.low RW RANGE NUMBER
> GET TYPE lab OUTPUT.voltage.nominal
< TYPE lab OUTPUT.voltage.nominal RW ENUM NUMBER
> GET TYPE lab a.both
< TYPE lab a.both RW ENUM RANGE STRING:4
> GET TYPE lab no.such
< ERR VAR-NOT-SUPPORTED
> GET TYPE stale ups.id
< ERR DATA-STALE
"#,
    );
}

/// upsd leaves quotes in these texts unescaped, which its own clients then cannot read.
#[test]
fn descriptions_need_no_variable_but_fresh_data() {
    check(
        r#"
> GET DESC lab ups.id
< DESC lab ups.id "What the unit calls itself"
> GET DESC lab upstream.ups.id
< DESC lab upstream.ups.id "What the unit calls itself"
> GET DESC lab no.such
< DESC lab no.such "Description unavailable"
> GET DESC down ups.id
< ERR DRIVER-NOT-CONNECTED
> GET CMDDESC lab LOAD.off
< CMDDESC lab LOAD.off "Turn the \"load\" off"
> GET CMDDESC lab no.such
< CMDDESC lab no.such "Description unavailable"
> GET CMDDESC nosuch x
< ERR UNKNOWN-UPS
"#,
    );
}

#[test]
fn lists_echo_the_question_around_the_rows() {
    check(
        r#"
> LIST
< ERR INVALID-ARGUMENT
> LIST FOO x
< ERR INVALID-ARGUMENT
> LIST VAR
< ERR INVALID-ARGUMENT
> LIST ENUM lab
< ERR INVALID-ARGUMENT
> LIST UPS surplus
< BEGIN LIST UPS
< UPS Lab "Rack \"A\" \#1"
< UPS down "Description unavailable"
< UPS stale "Description unavailable"
< UPS lost "Description unavailable"
< END LIST UPS
> list var LAB
< BEGIN LIST VAR LAB
< VAR LAB a.both "5"
< VAR LAB input.sensitivity "low"
< VAR LAB input.transfer.low "180"
< VAR LAB output.voltage.nominal "230"
< VAR LAB ups.delay.shutdown "20"
< VAR LAB ups.id "a\"b\\c\#d"
< VAR LAB ups.none ""
< VAR LAB ups.status "OL"
< END LIST VAR LAB
> LIST CMD lab
< BEGIN LIST CMD lab
< CMD lab beeper.toggle
< CMD lab load.off
< END LIST CMD lab
> LIST ENUM lab INPUT.sensitivity
< BEGIN LIST ENUM lab INPUT.sensitivity
< ENUM lab INPUT.sensitivity "low"
< ENUM lab INPUT.sensitivity "High"
< ENUM lab INPUT.sensitivity "a\"q"
< END LIST ENUM lab INPUT.sensitivity
> LIST RANGE lab input.transfer.low
< BEGIN LIST RANGE lab input.transfer.low
< RANGE lab input.transfer.low "170" "200"
< RANGE lab input.transfer.low "-5" "0"
< END LIST RANGE lab input.transfer.low
> LIST RANGE lab ups.status
< BEGIN LIST RANGE lab ups.status
< END LIST RANGE lab ups.status
> LIST RANGE lab no.such
< ERR VAR-NOT-SUPPORTED
> LIST VAR nosuch
< ERR UNKNOWN-UPS
> LIST RW down
< ERR DRIVER-NOT-CONNECTED
> LIST CMD stale
< ERR DATA-STALE
> LIST CLIENT stale
< BEGIN LIST CLIENT stale
< END LIST CLIENT stale
"#,
    );
}

#[test]
fn fsd_shows_in_the_list_of_variables_but_not_of_settings() {
    let mut world = World::new();
    world.upses[0].fsd = true;
    let mut snapshot = lab();
    snapshot.variables.drain(..7);
    snapshot.variables[0].writable = true;
    world.show(snapshot);
    world.check(
        r#"
> LIST VAR lab
< BEGIN LIST VAR lab
< VAR lab ups.status "FSD OL"
< END LIST VAR lab
> LIST RW lab
< BEGIN LIST RW lab
< RW lab ups.status "OL"
< END LIST RW lab
"#,
    );
}

#[test]
fn a_reply_longer_than_upsds_buffer_is_sent_whole() {
    let mut world = World::new();
    let mut snapshot = lab();
    snapshot.variables = vec![variable("ups.status", &"\"".repeat(255))];
    world.show(snapshot);
    let mut session = Session::new(PEER, Duration::ZERO);
    let reply = world.read(&mut session, b"GET VAR lab ups.status\n");
    assert_eq!(reply.len(), "< VAR lab ups.status \"\"\n".len() + 510);
}
