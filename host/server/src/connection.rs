//! One client connection: bytes in, batches of replies out, and the few things a session cannot do itself.
//!
//! A batch is written with one deadline, so a client that does not read is disconnected and delays nobody.
//! The read buffer lives on the stack of a poll, so an idle connection holds no buffer at all. What follows
//! STARTTLS in clear is never looked at.

use crate::limits;
use crate::published::{Clock, Directory, Job, Published, Served};
use husk_core::proto::session::{Action, Request, Session, Step, What};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{sleep_until, timeout};
use tokio_rustls::server::TlsStream;

/// What all connections share.
pub(crate) struct Hall {
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Clock,
    /// One permit per connection.
    pub(crate) seats: Arc<Semaphore>,
    pub(crate) stop: watch::Receiver<bool>,
    /// Held by every connection; all gone means all ended.
    pub(crate) alive: mpsc::WeakSender<()>,
    pub(crate) count: AtomicU64,
}

/// A connection that may be served.
pub(crate) struct Guest {
    hall: Arc<Hall>,
    peer: IpAddr,
    /// Numbered in the order of arrival.
    id: u64,
    _seat: OwnedSemaphorePermit,
    _alive: mpsc::Sender<()>,
}

impl Hall {
    /// A seat for a new connection, if there is one.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Guest> {
        Some(Guest {
            _seat: Arc::clone(&self.seats).try_acquire_owned().ok()?,
            _alive: self.alive.upgrade()?,
            id: self.count.fetch_add(1, Ordering::Relaxed),
            hall: Arc::clone(self),
            peer: peer.to_canonical(),
        })
    }
}

/// Serves one client until it leaves, idles, breaks a rule, or the server stops.
pub(crate) async fn converse(guest: Guest, stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("{}: {error}", guest.peer);
    }
    let mut connection = Connection {
        session: Session::new(guest.peer, guest.hall.clock.now()),
        stream: Stream::Plain(stream),
        out: Vec::new(),
        login: None,
        guest,
    };
    let mut stop = connection.guest.hall.stop.clone();
    let ended = tokio::select! {
        biased;
        _ = stop.wait_for(|stopped| *stopped) => Ended::Stopped,
        ended = connection.serve() => ended,
    };
    log::debug!("client {}: {ended}", connection.guest.peer);
    connection.log_out();
    // A peer that does not take our goodbye is left without.
    let _ = timeout(limits::FAREWELL, connection.stream.close()).await;
}

struct Connection {
    guest: Guest,
    session: Session,
    stream: Stream,
    /// Replies not written yet.
    out: Vec<u8>,
    login: Option<Login>,
}

struct Login {
    published: Arc<Published>,
    /// The UPS left the configuration.
    removed: watch::Receiver<bool>,
}

/// Why a connection ended; for the debug log.
enum Ended {
    Goodbye,
    Eof,
    Idle,
    SlowReader,
    Handshake,
    Kicked,
    Stopped,
    Io(io::ErrorKind),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Goodbye => "said goodbye",
            Self::Eof => "hung up",
            Self::Idle => "asked nothing for too long",
            Self::SlowReader => "does not read its replies",
            Self::Handshake => "did not finish the TLS handshake",
            Self::Kicked => "was logged into a UPS that is gone",
            Self::Stopped => "was served until the stop",
            Self::Io(kind) => return kind.fmt(f),
        })
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

impl Connection {
    async fn serve(&mut self) -> Ended {
        loop {
            let idle = self.session.idle_deadline();
            let idle = sleep_until(self.guest.hall.clock.instant(idle));
            let (session, stream) = (&mut self.session, &mut self.stream);
            let read = poll_fn(|context| stream.poll_feed(context, session));
            let login = self.login.as_mut();
            tokio::select! {
                biased;
                () = kicked(login) => return Ended::Kicked,
                read = read => match read {
                    Ok(0) => return Ended::Eof,
                    Ok(_) => {}
                    Err(error) => return error.into(),
                },
                () = idle => return Ended::Idle,
            }
            if let Err(ended) = self.answer().await {
                return ended;
            }
        }
    }

    /// Answers everything that was read.
    async fn answer(&mut self) -> Result<(), Ended> {
        let served = self.guest.hall.directory.current();
        loop {
            let now = self.guest.hall.clock.now();
            match self.session.next(&*served, now, &mut self.out) {
                Step::NeedInput => return self.flush().await,
                Step::Continue if self.out.len() < limits::OUTPUT_HIGH => {}
                Step::Continue => self.flush().await?,
                Step::Act(action) => self.act(action, &served).await?,
            }
        }
    }

    async fn act(&mut self, action: Action, served: &Served) -> Result<(), Ended> {
        match action {
            Action::StartTls => self.start_tls(served).await?,
            Action::Login { ups } => self.log_in(&ups, served),
            Action::Fsd { ups } => {
                if let Some(published) = served.find(&ups) {
                    published.force_shutdown();
                    log::warn!("Client {} set FSD on UPS [{ups}]", self.who());
                }
            }
            Action::Run(request) => {
                let taken = self.hand_over(request, served);
                self.session.handed_over(taken, &mut self.out);
            }
            // Outcomes are always remembered for requests that carry an id.
            Action::TrackingOn => {}
            Action::Log(sentence) => log::warn!("{sentence}"),
            Action::Close => {
                self.flush().await?;
                return Err(Ended::Goodbye);
            }
        }
        Ok(())
    }

    fn hand_over(&self, request: Request, served: &Served) -> bool {
        let Some(published) = served.find(&request.ups) else {
            return false;
        };
        let now = self.guest.hall.clock.now();
        let line = describe(&request);
        // Known before the device can be done with it.
        if let Some(id) = &request.tracking {
            served.track(id, now);
        }
        let taken = published.hand_over(Job {
            request,
            queued: now,
        });
        if taken {
            log::info!("{line}");
        } else {
            log::warn!("{line}: refused, too many requests wait for the device");
        }
        taken
    }

    fn log_in(&mut self, ups: &str, served: &Served) {
        let Some(published) = served.find(ups) else {
            return;
        };
        published.log_in(self.guest.id, self.guest.peer);
        log::info!("User {} logged into UPS [{ups}]", self.who());
        self.login = Some(Login {
            removed: published.removal(),
            published: Arc::clone(published),
        });
    }

    fn log_out(&mut self) {
        if let Some(login) = self.login.take() {
            login.published.log_out(self.guest.id);
            log::info!(
                "User {} logged out from UPS [{}]",
                self.who(),
                login.published.name
            );
        }
    }

    fn who(&self) -> String {
        let user = self.session.username().unwrap_or_default();
        format!("{user}@{}", self.guest.peer)
    }

    async fn start_tls(&mut self, served: &Served) -> Result<(), Ended> {
        self.flush().await?;
        let Some(acceptor) = &served.tls else {
            return Err(Ended::Handshake);
        };
        let Stream::Plain(plain) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(Ended::Handshake);
        };
        let reason = match timeout(limits::HANDSHAKE, acceptor.accept(plain)).await {
            Ok(Ok(stream)) => {
                self.stream = Stream::Tls(Box::new(stream));
                self.session.tls_started();
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        log::info!("TLS handshake with {} failed: {reason}", self.guest.peer);
        Err(Ended::Handshake)
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if self.out.is_empty() {
            return Ok(());
        }
        match timeout(limits::WRITE, self.stream.write(&self.out)).await {
            Ok(written) => written?,
            Err(_) => {
                log::info!(
                    "{} does not read its replies and is disconnected",
                    self.guest.peer
                );
                return Err(Ended::SlowReader);
            }
        }
        // An idle connection keeps no list it once asked for.
        self.out = Vec::new();
        Ok(())
    }
}

async fn kicked(login: Option<&mut Login>) {
    match login {
        // An error means that the UPS and its publisher are gone altogether.
        Some(login) => drop(login.removed.wait_for(|removed| *removed).await),
        None => std::future::pending().await,
    }
}

/// The log line of a request, worded like the classic server's.
fn describe(request: &Request) -> String {
    let Request {
        ups, user, peer, ..
    } = request;
    let tracking = request.tracking.as_deref().unwrap_or("disabled");
    match &request.what {
        What::Set { variable, value } => format!(
            "Set variable: {user}@{peer} set {variable} on {ups} to {value} (tracking ID: {tracking})"
        ),
        What::Command { name, value } => {
            let with = value
                .as_ref()
                .map_or(String::new(), |value| format!(" with value {value}"));
            format!(
                "Instant command: {user}@{peer} did {name}{with} on {ups} (tracking ID: {tracking})"
            )
        }
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// During a handshake, and after one that failed.
    Gone,
}

impl Stream {
    /// Feeds what can be read at once; the number of bytes, 0 at the end.
    fn poll_feed(
        &mut self,
        context: &mut Context<'_>,
        session: &mut Session,
    ) -> Poll<io::Result<usize>> {
        let mut bytes = [0; limits::READ_CHUNK];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            Self::Gone => Poll::Ready(Ok(())),
        })?;
        session.feed(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.shutdown().await,
            Self::Tls(stream) => stream.shutdown().await,
            Self::Gone => Ok(()),
        }
    }
}
