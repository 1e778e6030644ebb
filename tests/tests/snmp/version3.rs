//! Version 3 as net-snmp's agent speaks it.

use super::{body, serve, until, value};
use husk_tests::sim::snmp::snmpd::{PASSWORDS, Snmpd, User};
use husk_tests::sim::snmp::{Agent, Value, rfc1628};

/// Every digest and every cipher of Debian's snmpd.
const USERS: &[User] = &[
    user("md5-des", "MD5", "DES"),
    user("sha-aes", "SHA", "AES"),
    user("sha224-aes", "SHA-224", "AES"),
    user("sha256-aes192", "SHA-256", "AES-192"),
    user("sha384-aes256", "SHA-384", "AES-256"),
    user("sha512-aes256", "SHA-512", "AES-256"),
    user("md5-aes256", "MD5", "AES-256"),
    user("sha-aes192", "SHA", "AES-192"),
];

const fn user(name: &'static str, auth: &'static str, privacy: &'static str) -> User {
    User {
        name,
        auth,
        privacy,
    }
}

fn section(snmpd: &Snmpd, user: &User, level: &str) -> String {
    let (auth, privacy) = (user.auth.replace('-', ""), user.privacy.replace('-', ""));
    let (auth_password, priv_password) = PASSWORDS;
    format!(
        "  port = {}\n  snmp_version = v3\n  secLevel = {level}\n  secName = {}\n  authProtocol = {auth}\n  privProtocol = {privacy}\n  authPassword = {auth_password}\n  privPassword = {priv_password}\n",
        snmpd.address(),
        user.name
    )
}

#[test]
fn every_level_and_algorithm_of_debians_agent_is_spoken() {
    if !Snmpd::is_installed() {
        husk_tests::skip("SNMP version 3: Debian's snmpd is not installed");
        return;
    }
    let agent = Agent::start(rfc1628::ups("behind snmpd")).unwrap();
    let mut snmpd = Snmpd::start(&agent.address(), USERS).unwrap();
    let mut sections = vec![
        ("v1".to_owned(), body(&snmpd.address(), "")),
        (
            "v2c".to_owned(),
            body(&snmpd.address(), "  snmp_version = v2c\n"),
        ),
    ];
    for level in ["noAuthNoPriv", "authNoPriv", "authPriv"] {
        for user in USERS {
            let name = format!("{level}-{}", user.name);
            sections.push((name, section(&snmpd, user, level)));
        }
    }
    let borrowed: Vec<(&str, String)> = sections
        .iter()
        .map(|(name, body)| (name.as_str(), body.clone()))
        .collect();
    let server = serve(&borrowed, "");
    for (ups, _) in &sections {
        until(&server, ups, "ups.status", "OL");
        assert_eq!(value(&server, ups, "ups.model"), "behind snmpd", "{ups}");
    }
    // The engine starts once more, with a clock that begins anew: everybody goes on.
    snmpd.restart().unwrap();
    agent.put(rfc1628::CHARGE, Some(Value::integer(55)));
    for (ups, _) in &sections {
        until(&server, ups, "battery.charge", "55");
    }
    println!(
        "{} sections served by snmpd, before and after it started again",
        sections.len()
    );
}

#[test]
fn a_wrong_password_is_told_as_such() {
    if !Snmpd::is_installed() {
        husk_tests::skip("SNMP version 3 with a wrong password: Debian's snmpd is not installed");
        return;
    }
    let agent = Agent::start(rfc1628::ups("behind snmpd")).unwrap();
    let snmpd = Snmpd::start(&agent.address(), USERS).unwrap();
    let good = section(&snmpd, &USERS[1], "authPriv");
    let sections = [
        ("auth", good.replace(PASSWORDS.0, "not-the-password")),
        ("priv", good.replace(PASSWORDS.1, "not-the-password")),
        ("user", good.replace(USERS[1].name, "nobody")),
    ];
    let server = serve(&sections, "");
    for (ups, says) in [
        ("auth", "is authPassword right"),
        ("priv", "is privPassword right"),
        ("user", "(secName)"),
    ] {
        let line = server
            .wait_for_log(&format!("[{ups}]"), super::PATIENCE)
            .unwrap();
        assert!(line.contains(says), "{line}");
        assert!(!line.contains("not-the-password"), "{line}");
    }
}
