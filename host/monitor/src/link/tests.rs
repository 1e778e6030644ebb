//! Links against servers that follow a script.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use husk_core::monitor::Secret;
use husk_core::proto::client::{Server, Target};
use std::collections::VecDeque;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// What a server expects and answers; an empty reply closes the connection.
type Script = &'static [(&'static str, &'static str)];

const CLEAR: (&str, &str) = ("STARTTLS", "ERR FEATURE-NOT-CONFIGURED\n");
const STATUS: (&str, &str) = ("GET VAR u ups.status", "VAR u ups.status \"OB LB\"\n");
const NO_WORDS: (&str, &str) = ("GET VAR u ups.mode.buzzwords", "ERR VAR-NOT-SUPPORTED\n");
const NO_OTHER: (&str, &str) = (
    "GET VAR u experimental.ups.mode.buzzwords",
    "ERR VAR-NOT-SUPPORTED\n",
);
const USER: (&str, &str) = ("USERNAME mon", "OK\n");
const PASSWORD: (&str, &str) = ("PASSWORD \"p w\"", "OK\n");
const NO_WATCH: (&str, &str) = ("WATCH u", "ERR UNKNOWN-COMMAND\n");

/// A server for so many connections, one after the other.
async fn serve(scripts: &[Script]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut scripts: VecDeque<Script> = scripts.iter().copied().collect();
    tokio::spawn(async move {
        while let Some(script) = scripts.pop_front() {
            let (socket, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(socket);
            for (request, reply) in script {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                assert_eq!(line.trim_end(), *request);
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
            // Until the client goes, unless the last reply was none.
            if script.last().is_some_and(|(_, reply)| !reply.is_empty()) {
                let _ = stream.read_line(&mut String::new()).await;
            }
        }
    });
    Server {
        host: "127.0.0.1".to_owned(),
        port,
    }
}

struct Ours {
    link: Link,
    events: mpsc::Receiver<Event>,
}

async fn link(role: Role, scripts: &[Script]) -> Ours {
    let system = System {
        name: "u@box".into(),
        target: Target {
            ups: "u".to_owned(),
            server: serve(scripts).await,
        },
        power: 1,
        user: "mon".to_owned(),
        password: Secret("p w".to_owned()),
        role,
        line: 1,
    };
    let reach = Reach {
        patience: Duration::from_secs(5),
        family: Family::Both,
    };
    let (answers, events) = mpsc::channel(8);
    Ours {
        link: Link::start(&system, &Security::default(), &reach, answers),
        events,
    }
}

impl Ours {
    async fn ask(&mut self, ask: Ask) -> Event {
        assert!(self.link.ask(ask));
        self.event().await
    }

    async fn event(&mut self) -> Event {
        let event = tokio::time::timeout(Duration::from_secs(5), self.events.recv());
        event.await.unwrap().unwrap()
    }

    async fn polled(&mut self) -> Result<Reading, Failure> {
        match self.event().await {
            Event::Polled { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    }
}

fn reading() -> Reading {
    Reading {
        status: "OB LB".to_owned(),
        ..Reading::default()
    }
}

#[tokio::test]
async fn a_primary_polls_logs_in_and_is_told_of_changes() {
    let mut ours = link(
        Role::Primary,
        &[&[
            CLEAR,
            // What is pushed between a request and its reply is no reply.
            (
                "GET VAR u ups.status",
                "CHANGED u\nVAR u ups.status \"OL ALARM\"\n",
            ),
            (
                "GET VAR u ups.mode.buzzwords",
                "VAR u ups.mode.buzzwords \":ECO\"\n",
            ),
            ("GET VAR u ups.alarm", "VAR u ups.alarm \"hot\"\n"),
            USER,
            PASSWORD,
            ("LOGIN u", "OK\n"),
            ("PRIMARY u", "ERR UNKNOWN-COMMAND\n"),
            ("MASTER u", "OK MASTER-GRANTED\n"),
            // The monitor knows already and has not looked yet: it is not told again.
            ("WATCH u", "OK\nCHANGED u\nCHANGED u\n"),
            ("FSD u", "OK FSD-SET\n"),
            ("GET NUMLOGINS u", "NUMLOGINS u 3\n"),
            ("LOGOUT", "OK Goodbye\n"),
        ]],
    )
    .await;
    assert!(matches!(ours.ask(Ask::Poll).await, Event::Linked { .. }));
    let reading = ours.polled().await.unwrap();
    assert_eq!(reading.status, "OL ALARM");
    assert_eq!(reading.buzzwords.as_deref(), Some(":ECO"));
    assert_eq!(reading.alarm.as_deref(), Some("hot"));
    assert!(matches!(ours.event().await, Event::Changed { .. }));
    let Event::LoggedIn {
        outcome: Ok(()),
        system,
    } = ours.ask(Ask::LogIn).await
    else {
        panic!("not logged in");
    };
    assert_eq!(&*system, "u@box");
    let fsd = ours.ask(Ask::SetFsd).await;
    assert!(
        matches!(
            fsd,
            Event::FsdSet {
                outcome: Ok(()),
                ..
            }
        ),
        "{fsd:?}"
    );
    let logins = ours.ask(Ask::CountLogins).await;
    assert!(
        matches!(logins, Event::Logins { outcome: Ok(3), .. }),
        "{logins:?}"
    );
    ours.link.leave().await;
}

#[tokio::test]
async fn a_refused_login_is_tried_again_where_it_stopped() {
    let mut ours = link(
        Role::Secondary,
        &[&[
            CLEAR,
            STATUS,
            NO_WORDS,
            NO_OTHER,
            USER,
            PASSWORD,
            ("LOGIN u", "ERR ACCESS-DENIED\n"),
            NO_WATCH,
            ("LOGIN u", "OK\n"),
        ]],
    )
    .await;
    assert!(matches!(ours.ask(Ask::Poll).await, Event::Linked { .. }));
    assert_eq!(ours.polled().await, Ok(reading()));
    let Event::LoggedIn {
        outcome: Err(refused),
        ..
    } = ours.ask(Ask::LogIn).await
    else {
        panic!("logged in");
    };
    assert_eq!(
        (refused.step, refused.reason.as_str()),
        (Step::Login, "Access denied")
    );
    let again = ours.ask(Ask::LogIn).await;
    assert!(
        matches!(
            again,
            Event::LoggedIn {
                outcome: Ok(()),
                ..
            }
        ),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_lost_connection_is_opened_again_by_the_next_question() {
    let mut ours = link(
        Role::Primary,
        &[
            &[CLEAR, ("GET VAR u ups.status", "")],
            // FSD needs somebody who says it, on any connection.
            &[CLEAR, USER, PASSWORD, ("FSD u", "OK FSD-SET\n"), STATUS, NO_WORDS, ("GET VAR u experimental.ups.mode.buzzwords", "")],
            &[CLEAR, ("GET VAR u ups.status", "ERR DATA-STALE\n"), ("GET NUMLOGINS u", "ERR DATA-STALE\n"),
              ("LIST CLIENT u", "BEGIN LIST CLIENT u\nCLIENT u 192.0.2.1\nCLIENT u 192.0.2.2\nEND LIST CLIENT u\n")],
        ],
    )
    .await;
    assert!(matches!(ours.ask(Ask::Poll).await, Event::Linked { .. }));
    assert_eq!(
        ours.polled().await,
        Err(Failure::Lost("Server disconnected".to_owned()))
    );
    assert!(matches!(ours.ask(Ask::SetFsd).await, Event::Linked { .. }));
    assert!(matches!(
        ours.event().await,
        Event::FsdSet {
            outcome: Ok(()),
            ..
        }
    ));
    // The status counts although the connection broke after it.
    assert!(ours.link.ask(Ask::Poll));
    assert_eq!(ours.polled().await, Ok(reading()));
    assert!(matches!(ours.ask(Ask::Poll).await, Event::Linked { .. }));
    assert_eq!(
        ours.polled().await,
        Err(Failure::Refused("DATA-STALE".to_owned()))
    );
    let logins = ours.ask(Ask::CountLogins).await;
    assert!(
        matches!(logins, Event::Logins { outcome: Ok(2), .. }),
        "{logins:?}"
    );
    assert!(ours.link.ask(Ask::Disconnect));
    // The script is at its end, and with it the server.
    let refused = ours.ask(Ask::Poll).await;
    assert!(
        matches!(
            &refused,
            Event::Polled {
                outcome: Err(Failure::Connect(_)),
                ..
            }
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_the_configuration_forbids_is_no_connection() {
    let server = serve(&[&[CLEAR]]).await;
    let open = async |security: Security| {
        let mut addresses = Addresses::new(&server.host, server.port, Family::Both);
        let opened = Connection::open(&mut addresses, Duration::from_secs(5), &security);
        opened.await.err().unwrap().to_string()
    };
    let forced = Security {
        force: true,
        ..Security::default()
    };
    assert_eq!(open(forced).await, "SSL is not available");
    let verified = Security {
        verify: true,
        ..Security::default()
    };
    assert_eq!(
        open(verified).await,
        "Configuration error: CERTVERIFY is set, but CERTPATH isn't"
    );
    let mut v6 = Addresses::new("localhost", server.port, Family::V6);
    let refused = Connection::open(&mut v6, Duration::from_secs(5), &Security::default()).await;
    assert!(matches!(
        refused.err(),
        Some(Error::Connect(_) | Error::NoSuchHost)
    ));
}
