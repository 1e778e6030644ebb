//! What ups.conf may say, and how its mistakes are pointed at.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]
use super::super::Global;
use super::*;

fn read(text: &str) -> (UpsConf, Vec<String>) {
    let (conf, found) = parse("ups.conf", text.as_bytes());
    let found = found.iter().map(|d| {
        let help = d.help.as_deref().unwrap_or_default();
        format!("{}:{} {} {help}", d.line, d.col, d.message)
    });
    (conf, found.collect())
}

/// One usable section with `lines` in it, and nothing to complain about.
#[track_caller]
fn section(lines: &str) -> Section {
    let (mut conf, found) = read(&format!("[a]\ndriver = d\nport = p\n{lines}"));
    assert_eq!(found, [] as [String; 0]);
    conf.sections.remove(0)
}

/// The complaints about a usable section with `lines` in it, which start at line 4.
#[track_caller]
fn complains(lines: &str, expected: &[&str]) -> Option<Section> {
    check(&format!("[a]\ndriver = d\nport = p\n{lines}"), expected)
        .sections
        .pop()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) -> UpsConf {
    let (conf, found) = read(text);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        let mut rest = found.as_str();
        for part in expected.split(" .. ") {
            let (_, after) = rest
                .split_once(part)
                .unwrap_or_else(|| panic!("{found} lacks {part}"));
            rest = after;
        }
    }
    conf
}

#[test]
fn a_whole_file_reads_as_written() {
    let text = "statepath = /run/nut # sockets\nmaxretry=3\nnowait\n\n\
        [one]\n  driver = usbhid-ups\n  port = auto\n  desc = \"Rack \\\"A\\\"\"\n  vendorid = 051d\n  pollonly\n\n\
        [\"two\"]\ndriver=dummy-ups\nport=two.dev\n";
    let conf = check(text.replace("[\"two\"]", "\"[two]\"").as_str(), &[]);
    assert_eq!(conf.global.state_path.as_deref(), Some("/run/nut"));
    assert_eq!(conf.global.common.max_retry, Some(3));
    assert!(conf.global.no_wait);
    let names: Vec<_> = conf
        .sections
        .iter()
        .map(|s| (s.name.as_str(), s.driver.as_str(), s.port.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("one", "usbhid-ups", "auto"),
            ("two", "dummy-ups", "two.dev")
        ]
    );
    let one = &conf.sections[0];
    assert_eq!(one.desc.as_deref(), Some("Rack \"A\""));
    assert_eq!(
        (one.get("vendorid"), one.get("pollonly")),
        (Some("051d"), None)
    );
    assert!(one.flag("pollonly") && !one.flag("vendorid"));
    assert_eq!(one.options[3].at, (9, 3));
}

#[test]
fn the_drivers_options_reach_it_and_the_hosts_do_not() {
    let section = section(
        "desc = x\npollinterval = 5\nuser = nut\nmode = dummy-once\nnolock\nfooflag\nDEBUG_min = 2\n\
         override.ups.id = x\n",
    );
    let settings = section.settings();
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        settings,
        [
            ("port", "p"),
            ("mode", "dummy-once"),
            ("fooflag", ""),
            ("override.ups.id", "x")
        ]
    );
}

#[test]
fn clients_see_options_but_no_secrets() {
    let section = section(
        "desc = x\nuser = nut\ncommunity = private\nauthPassword = x\nsnmp_version = v1\nnolock\n",
    );
    let public: Vec<_> = section
        .public_options()
        .map(|option| option.name.as_str())
        .collect();
    assert_eq!(public, ["port", "snmp_version", "nolock"]);
}

#[test]
fn the_device_wins_over_the_globals() {
    let conf = check(
        "pollinterval = 7\nsynchronous = yes\n[a]\ndriver=d\nport=p\npollinterval=3\n",
        &[],
    );
    let seconds = |section: &Section, global: &Global| section.poll_interval(global).as_secs();
    assert_eq!(seconds(&conf.sections[0], &conf.global), 3);
    assert_eq!(conf.sections[0].synchronous(&conf.global), Synchronous::Yes);
    assert_eq!(seconds(&Section::default(), &conf.global), 7);
    assert_eq!(seconds(&Section::default(), &Global::default()), 2);
}

#[test]
fn every_keyword_of_a_section_is_understood() {
    let section = section(
        "synchronous = auto\nmaxstartdelay = -1\nmaxretry = -2\nretrydelay = 0\nreconnect_max_tries = -1\n\
         reconnect_report_freq = 5\nLIBUSB_DEBUG = 3\nsdorder = -1\nsdcommands = shutdown.return,load.off\n\
         allow_killpower\nignorelb\ngroup = nut\ndebug_min = -1\n",
    );
    assert_eq!(
        section.common,
        Common {
            synchronous: Some(Synchronous::Auto),
            max_start_delay: Some(None),
            max_retry: Some(1),
            retry_delay: Some(Duration::ZERO),
            reconnect_max_tries: Some(-1),
            reconnect_report_freq: Some(5),
            libusb_debug: Some(3),
            group: Some("nut".into()),
            ..Common::default()
        }
    );
    assert_eq!(section.shutdown_order, -1);
    assert_eq!(section.shutdown_commands, ["shutdown.return", "load.off"]);
    assert!(section.allow_killpower && section.ignore_low_battery && !section.no_lock);
}

#[test]
fn presets_are_found_whatever_their_case() {
    let section = section(
        "OVERRIDE.battery.charge.low = 20\nignorelb\ndefault.ups.foo = bar\nDefault.x = 1\n",
    );
    assert_eq!(
        section.overrides().collect::<Vec<_>>(),
        [("battery.charge.low", "20")]
    );
    assert_eq!(
        section.defaults().collect::<Vec<_>>(),
        [("ups.foo", "bar"), ("x", "1")]
    );
}

#[test]
fn an_unusable_section_takes_no_other_with_it() {
    let conf = check(
        "[a]\ndrvier = x\nport = p\n[b]\ndriver = d\nport = p\n[B]\ndriver = e\nport = q\n\
         [my ups]\ndriver = f\n[]\nport = r\n[c]\n",
        &[
            "1:1 section [a] has no `driver` and is left out",
            "2:1 `drvier` is not a keyword .. did you mean `driver`?",
            "7:1 the name [B] is taken",
            "10:1 a section's name ends with `]` .. \"[my ups]\"",
            "12:1 a section without a name",
            "14:1 section [c] has no `driver` and no `port`",
        ],
    );
    assert_eq!(conf.sections.len(), 1);
    assert_eq!(
        (
            conf.sections[0].driver.as_str(),
            conf.sections[0].port.as_str()
        ),
        ("d", "p")
    );
}

#[test]
fn lines_that_nut_drops_are_pointed_at() {
    let kept = complains(
        "user nut\ndesc =\ndesc = Two Words\nport = q\npollinterval\nsddelay = 3\n",
        &[
            "4:1 this line is ignored .. write `user = nut`",
            "5:1 this line is ignored .. give a value after `=`",
            "6:12 only the first word .. double quotes",
            "7:1 `port` is given twice",
            "8:1 `pollinterval` needs a value",
            "9:1 `sddelay` is obsolete",
        ],
    );
    let kept = kept.unwrap();
    assert_eq!(
        (kept.desc.as_deref(), kept.port.as_str()),
        (Some("Two"), "q")
    );
}

#[test]
fn numbers_must_be_numbers() {
    let kept = complains(
        "pollinterval = 0\nmaxretry = 2x\nLIBUSB_DEBUG = much\nsynchronous = maybe\nsdorder = first\n",
        &[
            "4:16 the time between polls cannot be 0",
            "5:12 `2x` is not a number of attempts",
            "6:16 `much` is not a level",
            "7:15 expected yes, no or auto",
            "8:11 `first` is not a number",
        ],
    );
    let kept = kept.unwrap();
    assert_eq!(kept.poll_interval(&Global::default()).as_secs(), 2);
    assert_eq!(kept.common.libusb_debug, Some(4));
    assert_eq!(kept.common.synchronous, Some(Synchronous::No));
}

#[test]
fn flags_take_no_value_but_are_understood_with_one() {
    let kept = complains(
        "ignorelb = yes\nnolock = no\n",
        &["4:1 this is a flag", "5:1 this is a flag"],
    )
    .unwrap();
    assert!(kept.ignore_low_battery && !kept.no_lock);
    assert!(kept.flag("ignorelb") && !kept.flag("nolock"));
}

#[test]
fn settings_without_effect_or_with_a_bad_one_are_said() {
    let kept = complains(
        "override.battery.charge.low = 20\noverride.ups.status = OL\noverride.batery.charge = 5\n\
         default.ups.load = much\noverride. = x\nsdcommands = shutdown.retrun\n",
        &[
            "4:1 this only changes the number clients see .. ignorelb",
            "5:1 with its status overridden",
            "6:1 no variable called `batery.charge` .. `battery.charge`",
            "7:20 `ups.load` is a number",
            "8:1 `` cannot be the name",
            "9:14 no command called `shutdown.retrun` .. `shutdown.return`",
        ],
    );
    assert_eq!(kept.unwrap().overrides().count(), 3);
    complains(
        &format!("override.ups.id = {}\n", "x".repeat(300)),
        &["4:19 a variable holds at most 255"],
    );
}

#[test]
fn before_the_first_section_only_globals_count() {
    check(
        "driver = x\npolinterval = 3\nfoo\nports = 1\n",
        &[
            "1:1 `driver` means nothing .. belongs below a `[name]`",
            "2:1 `polinterval` means nothing .. `pollinterval`",
            "3:1 `foo` means nothing",
            "4:1 `ports` means nothing",
        ],
    );
}

#[test]
fn near_misses_of_keywords_are_warned_about_and_known_options_are_not() {
    complains(
        "bus = 1\noffdelay = 3\nsdtype = 1\nserial = x\ncable = 940\nupstype = 1\n",
        &[],
    );
    complains(
        "ignorlb\nIgnoreLB\n",
        &[
            "4:1 .. did you mean `ignorelb`?",
            "5:1 .. did you mean `ignorelb`?",
        ],
    );
    complains("x\n\"a@b\" = 1\n", &[]);
    check(
        "[a@b]\ndriver=d\nport=p\n",
        &["1:1 clients cannot name this UPS"],
    );
}

#[test]
fn sections_are_compared_by_what_they_say() {
    let section = |text: &str| parse("f", text.as_bytes()).0.sections.remove(0);
    let one = section("[a]\ndriver = d\nport = p\ncommunity = private\n");
    assert_eq!(
        one,
        section("# new\n[a]\n driver=d\n port=p\n community=\"private\"\n")
    );
    assert_ne!(
        one,
        section("[a]\ndriver = d\nport = p\ncommunity = public\n")
    );
    assert!(!format!("{one:?}").contains("private"));
}

#[test]
fn any_bytes_are_survived() {
    let alphabet = b"[]a=\n\"#\\ \xc3";
    for n in 0..alphabet.len().pow(5) {
        let bytes: Vec<u8> = (0..5)
            .map(|i| alphabet[n / alphabet.len().pow(i) % alphabet.len()])
            .collect();
        let (conf, found) = parse("f", &bytes);
        assert!(conf.sections.is_empty());
        found.iter().for_each(|d| assert!(d.line > 0 && d.len > 0));
    }
}
