//! An agent that behaves as badly as some do, and what becomes of a request there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod fake;
mod version3;

use std::sync::Arc;
use std::time::Duration;

use super::config::{Config, Writes};
use super::{Oid, SnmpError, SnmpPort, SnmpValue, Varbind};
use crate::IoError;
use fake::{Agent, Manners};

const WITHIN: Duration = Duration::from_secs(10);

fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

/// The section's options for a fake agent: four tries of 2 s, so that a busy machine is no loss, unless told otherwise.
fn port(agent: &Agent, options: &[(&str, &str)]) -> Arc<dyn SnmpPort> {
    let mut all = options.to_vec();
    all.extend([("snmp_timeout", "2"), ("snmp_retries", "3")]);
    let config = Config::new(&agent.address(), all.into_iter(), Writes::default()).unwrap();
    super::open(config)
}

fn row(at: u32) -> Oid {
    oid("1.3.6.1.4.1.318.1").child(at)
}

fn rows(count: u32) -> Vec<Oid> {
    (1..=count).map(row).collect()
}

async fn agent(manners: Manners) -> Agent {
    let objects = (1..=60).map(|at| (row(at), SnmpValue::Integer(at.cast_signed())));
    Agent::start(objects.collect(), manners, None).await
}

fn numbers(values: &[SnmpValue]) -> Vec<i32> {
    let number = |value: &SnmpValue| match value {
        SnmpValue::Integer(number) => *number,
        _ => -1,
    };
    values.iter().map(number).collect()
}

const V2C: &[(&str, &str)] = &[("snmp_version", "v2c")];
/// Where silence is waited for.
const HASTY: &[(&str, &str)] = &[("snmp_version", "v2c"), ("snmp_timeout", "0.2")];

#[tokio::test]
async fn sixty_objects_are_three_packets() {
    for version in ["v1", "v2c"] {
        let agent = agent(Manners::default()).await;
        let port = port(&agent, &[("snmp_version", version)]);
        let values = port.get(&rows(60), WITHIN).await.unwrap();
        assert_eq!(numbers(&values), (1..=60).collect::<Vec<i32>>());
        assert_eq!(agent.take_requests(), 3, "{version}");
    }
}

#[tokio::test]
async fn what_is_missing_is_missing_for_itself_alone() {
    for (version, expected) in [("v1", 3), ("v2c", 1)] {
        let agent = agent(Manners::default()).await;
        let port = port(&agent, &[("snmp_version", version)]);
        let asked = [row(1), oid("1.3.9.9"), row(2), oid("1.3.9.8")];
        let values = port.get(&asked, WITHIN).await.unwrap();
        let missing = SnmpValue::NoSuchObject;
        let there = |at| SnmpValue::Integer(at);
        assert_eq!(values, [there(1), missing.clone(), there(2), missing]);
        assert_eq!(agent.take_requests(), expected, "{version}");
        assert_eq!(port.get(&[], WITHIN).await.unwrap(), []);
        assert_eq!(agent.take_requests(), 0);
    }
}

#[tokio::test]
async fn a_packet_that_is_too_large_is_halved_and_that_is_remembered() {
    let agent = agent(Manners {
        too_big_above: 5,
        ..Manners::default()
    })
    .await;
    let port = port(&agent, V2C);
    assert_eq!(port.get(&rows(60), WITHIN).await.unwrap().len(), 60);
    agent.take_requests();
    assert_eq!(port.get(&rows(60), WITHIN).await.unwrap().len(), 60);
    assert_eq!(agent.take_requests(), 20, "three objects each");
}

#[tokio::test]
async fn an_agent_that_keeps_silent_to_large_packets_is_asked_for_less() {
    let agent = agent(Manners {
        silent_above: 6,
        ..Manners::default()
    })
    .await;
    let port = port(&agent, HASTY);
    for _ in 0..3 {
        let values = port.get(&rows(60), WITHIN).await.unwrap();
        assert_eq!(numbers(&values), (1..=60).collect::<Vec<i32>>());
    }
    agent.take_requests();
    port.get(&rows(60), WITHIN).await.unwrap();
    assert_eq!(
        agent.take_requests(),
        10,
        "six objects each, and no doubt any more"
    );
}

/// The objects in doubt are ones that an agent of version 1 does not have: it has answered all the same.
#[tokio::test]
async fn a_refusal_also_tells_a_large_packet_from_a_silent_agent() {
    let agent = agent(Manners {
        silent_above: 6,
        ..Manners::default()
    })
    .await;
    let port = port(&agent, &[("snmp_timeout", "0.2")]);
    let missing = (1..=20).map(|at| oid("1.3.9").child(at));
    let asked: Vec<Oid> = missing.chain(rows(4)).collect();
    let start = std::time::Instant::now();
    let values = port.get(&asked, WITHIN).await.unwrap();
    assert_eq!(numbers(&values[20..]), [1, 2, 3, 4]);
    assert!(values[..20].iter().all(|value| !value.exists()));
    // Packets of 24, 12 and 6 objects at most are waited for in vain.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn an_object_that_cannot_be_read_does_not_spoil_the_others() {
    for index in [true, false] {
        let agent = agent(Manners {
            broken: vec![row(7), row(9)],
            blames: index,
            ..Manners::default()
        })
        .await;
        let port = port(&agent, V2C);
        let values = port.get(&rows(30), WITHIN).await.unwrap();
        let absent: Vec<usize> = (0..30).filter(|at| !values[*at].exists()).collect();
        assert_eq!(absent, [6, 8], "blames: {index}");
        let alone = port.get(&[row(7)], WITHIN).await;
        let refused = SnmpError::Refused {
            status: 5,
            index: 1,
        };
        assert_eq!(alone, Err(refused));
    }
}

#[tokio::test]
async fn an_agent_that_says_gen_err_to_large_packets_is_asked_for_less() {
    let agent = agent(Manners {
        gen_err_above: 10,
        ..Manners::default()
    })
    .await;
    let port = port(&agent, V2C);
    assert_eq!(port.get(&rows(60), WITHIN).await.unwrap().len(), 60);
    agent.take_requests();
    let values = port.get(&rows(60), WITHIN).await.unwrap();
    assert_eq!(numbers(&values), (1..=60).collect::<Vec<i32>>());
    assert!(agent.take_requests() <= 12);
}

#[tokio::test]
async fn an_answer_with_fewer_objects_is_asked_for_the_rest() {
    let agent = agent(Manners {
        answers_only: 4,
        ..Manners::default()
    })
    .await;
    let values = port(&agent, V2C).get(&rows(10), WITHIN).await.unwrap();
    assert_eq!(numbers(&values), (1..=10).collect::<Vec<i32>>());
}

#[tokio::test]
async fn a_silent_agent_times_out_after_all_tries_and_no_later() {
    let agent = agent(Manners {
        silent: true,
        ..Manners::default()
    })
    .await;
    let port = port(&agent, HASTY);
    let start = std::time::Instant::now();
    let silence = port.get(&rows(30), WITHIN).await;
    assert_eq!(silence, Err(SnmpError::Io(IoError::Timeout)));
    let took = start.elapsed();
    assert!((780..1500).contains(&took.as_millis()), "{took:?}");
    assert_eq!(agent.take_requests(), 4);
    // The call's own time is kept too.
    let start = std::time::Instant::now();
    let short = Duration::from_millis(150);
    assert!(port.get(&rows(30), short).await.is_err());
    assert!(start.elapsed() < Duration::from_millis(500));
}

#[tokio::test]
async fn a_lost_packet_is_sent_again() {
    let agent = agent(Manners {
        drops: 1,
        ..Manners::default()
    })
    .await;
    let port = port(&agent, HASTY);
    assert_eq!(
        numbers(&port.get(&rows(3), WITHIN).await.unwrap()),
        [1, 2, 3]
    );
    assert_eq!(agent.take_requests(), 2);
}

#[tokio::test]
async fn what_is_not_the_answer_is_passed_over() {
    let agent = agent(Manners {
        before: vec![
            fake::Noise::WrongId,
            fake::Noise::Truncated,
            fake::Noise::Garbage,
            fake::Noise::Empty,
            fake::Noise::WrongVersion,
            fake::Noise::Request,
        ],
        ..Manners::default()
    })
    .await;
    let port = port(&agent, V2C);
    for _ in 0..3 {
        assert_eq!(numbers(&port.get(&rows(2), WITHIN).await.unwrap()), [1, 2]);
    }
    assert_eq!(agent.take_requests(), 3, "nothing was asked twice");
}

#[tokio::test]
async fn an_answer_about_another_object_is_no_answer() {
    let agent = agent(Manners {
        shifted: true,
        ..Manners::default()
    })
    .await;
    let wrong = port(&agent, V2C).get(&rows(3), WITHIN).await;
    assert!(
        matches!(wrong, Err(SnmpError::Io(IoError::Other(_)))),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn nobody_there_is_told_apart_from_silence() {
    // An address of its own: no other test is given the port once it is free again.
    let socket = std::net::UdpSocket::bind("127.0.0.9:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    drop(socket);
    let options = [("snmp_timeout", "0.1"), ("snmp_retries", "1")];
    let config = Config::new(&address, options.into_iter(), Writes::default()).unwrap();
    let port = super::open(config);
    let refused = port.get(&rows(1), WITHIN).await.unwrap_err();
    assert!(refused.to_string().contains("nothing listens"), "{refused}");
}

#[tokio::test]
async fn a_walk_is_few_packets_and_ends_where_the_subtree_does() {
    for (version, bulk, expected) in [("v1", true, 61), ("v2c", true, 3), ("v2c", false, 62)] {
        let agent = agent(Manners {
            knows_bulk: bulk,
            ..Manners::default()
        })
        .await;
        let port = port(&agent, &[("snmp_version", version)]);
        let found = port
            .walk(&oid("1.3.6.1.4.1.318"), 100, WITHIN)
            .await
            .unwrap();
        assert_eq!(found.len(), 60);
        assert_eq!(agent.take_requests(), expected, "{version} {bulk}");
        assert_eq!(port.walk(&oid("1.3.6.1.5"), 100, WITHIN).await.unwrap(), []);
        let too_many = port.walk(&oid("1.3.6.1.4"), 59, WITHIN).await;
        assert_eq!(too_many, Err(SnmpError::Io(IoError::TooLong)));
    }
}

#[tokio::test]
async fn a_walk_in_circles_ends() {
    let agent = agent(Manners {
        circles: true,
        ..Manners::default()
    })
    .await;
    for version in ["v1", "v2c"] {
        let port = port(&agent, &[("snmp_version", version)]);
        let walked = port.walk(&oid("1.3.6.1.4.1.318"), 1000, WITHIN).await;
        assert!(
            matches!(walked, Err(SnmpError::Io(IoError::Other(_)))),
            "{walked:?}"
        );
    }
}

#[tokio::test]
async fn what_follows_is_told_for_each() {
    for version in ["v1", "v2c"] {
        let agent = agent(Manners::default()).await;
        let port = port(&agent, &[("snmp_version", version)]);
        let after = [row(1), row(60), oid("1.3")];
        let following = port.next(&after, WITHIN).await.unwrap();
        let oids: Vec<Oid> = following.iter().map(|one| one.oid.clone()).collect();
        assert_eq!(oids, [row(2), row(60), row(1)], "{version}");
        assert_eq!(following[1].value, SnmpValue::EndOfMibView);
    }
}

#[tokio::test]
async fn what_does_not_follow_is_not_taken_for_it() {
    let agent = agent(Manners {
        reversed: true,
        ..Manners::default()
    })
    .await;
    let port = port(&agent, V2C);
    let following = port.next(&[row(1), row(30)], WITHIN).await.unwrap();
    let oids: Vec<Oid> = following.iter().map(|one| one.oid.clone()).collect();
    assert_eq!(oids, [row(2), row(31)], "each asked for alone");
    let values = port.get(&rows(4), WITHIN).await.unwrap();
    assert_eq!(numbers(&values), [1, 2, 3, 4]);
}

#[tokio::test]
async fn only_what_was_granted_is_written() {
    let agent = agent(Manners::default()).await;
    let writable = port(&agent, V2C);
    let to = |oid: Oid, value: i32| {
        [Varbind {
            oid,
            value: SnmpValue::Integer(value),
        }]
    };
    writable.set(&to(row(1), 77), WITHIN).await.unwrap();
    assert_eq!(
        numbers(&writable.get(&rows(1), WITHIN).await.unwrap()),
        [77]
    );
    agent.take_requests();
    let denied = Err(SnmpError::Io(IoError::Denied));
    let interface = to(oid("1.3.6.1.2.1.2.2.1.7.1"), 2);
    assert_eq!(writable.set(&interface, WITHIN).await, denied);
    let both = [to(row(1), 5), interface].concat();
    assert_eq!(writable.set(&both, WITHIN).await, denied);
    assert_eq!(writable.set(&[], WITHIN).await, Ok(()));
    assert_eq!(agent.take_requests(), 0, "nothing reached the agent");
    let refused = writable.set(&to(row(99), 1), WITHIN).await;
    assert_eq!(
        refused,
        Err(SnmpError::Refused {
            status: 17,
            index: 1
        })
    );
    let long = [Varbind {
        oid: row(1),
        value: SnmpValue::Octets(vec![0; 2000]),
    }];
    assert_eq!(
        writable.set(&long, WITHIN).await,
        Err(SnmpError::Io(IoError::TooLong))
    );

    let config = Config::new(&agent.address(), V2C.iter().copied(), Writes::ReadOnly).unwrap();
    let read_only = super::open(config);
    assert!(read_only.identity().read_only && !writable.identity().read_only);
    assert_eq!(read_only.set(&to(row(1), 3), WITHIN).await, denied);
    let narrow = Writes::Below(vec![row(2)]);
    let config = Config::new(&agent.address(), V2C.iter().copied(), narrow).unwrap();
    let narrow = super::open(config);
    assert_eq!(narrow.set(&to(row(1), 3), WITHIN).await, denied);
    narrow.set(&to(row(2), 3), WITHIN).await.unwrap();
}

#[tokio::test]
async fn an_agent_over_tcp_keeps_its_connection() {
    let agent = agent(Manners::default()).await;
    let address = format!("tcp:{}", agent.tcp_address().await);
    let options = [("snmp_timeout", "1"), ("snmp_version", "v2c")];
    let config = Config::new(&address, options.into_iter(), Writes::default()).unwrap();
    let port = super::open(config);
    for _ in 0..2 {
        assert_eq!(port.get(&rows(60), WITHIN).await.unwrap().len(), 60);
    }
    assert_eq!(agent.connections(), 1);
}

#[tokio::test]
async fn an_agent_that_reads_nothing_does_not_hold_a_call() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap());
    let mut config = Config::new(&address, V2C.iter().copied(), Writes::default()).unwrap();
    // More than the buffers of both machines hold.
    (config.retries, config.timeout) = (500, Duration::from_millis(5));
    let much = |at| Varbind {
        oid: row(at),
        value: SnmpValue::Octets(vec![0; 1024]),
    };
    let much: Vec<Varbind> = (1..=24).map(much).collect();
    let port = super::open(config);
    let written = tokio::time::timeout(WITHIN * 2, port.set(&much, WITHIN)).await;
    assert!(written.expect("it ends by itself").is_err());
}

#[tokio::test]
async fn an_agent_that_hangs_up_is_called_again_at_once() {
    let agent = agent(Manners {
        hangs_up: true,
        ..Manners::default()
    })
    .await;
    let address = format!("tcp:{}", agent.tcp_address().await);
    let options = [("snmp_timeout", "5"), ("snmp_version", "v2c")];
    let config = Config::new(&address, options.into_iter(), Writes::default()).unwrap();
    let port = super::open(config);
    let start = std::time::Instant::now();
    for _ in 0..2 {
        let values = port.get(&rows(60), WITHIN).await.unwrap();
        assert_eq!(numbers(&values), (1..=60).collect::<Vec<i32>>());
    }
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "no try was waited out"
    );
    assert_eq!(agent.connections(), 6);
}

#[tokio::test]
async fn a_recording_of_an_agent_is_an_agent() {
    let agent = agent(Manners::default()).await;
    let scratch = crate::testing::Scratch::new();
    let path = scratch.path("agent.trace");
    let recorded = crate::record::wrap(crate::Port::Snmp(port(&agent, V2C)), &path).await;
    let crate::Port::Snmp(recorded) = recorded.unwrap() else {
        panic!("an agent stays one")
    };
    let asked = [row(1), oid("1.3.9.9")];
    recorded.get(&asked, WITHIN).await.unwrap();
    recorded.walk(&row(2), 5, WITHIN).await.unwrap();
    let trace = std::fs::read_to_string(&path).unwrap();
    let expected = "> get 1.3.6.1.4.1.318.1.1 1.3.9.9\n< 1.3.6.1.4.1.318.1.1|2|1\n> walk 1.3.6.1.4.1.318.1.2\n";
    assert_eq!(trace, expected);
}
