//! One client connection: bytes in, batches of replies out, and the few things a session cannot do itself.
//!
//! A batch is written with one deadline, so a client that does not read is disconnected and delays nobody.
//! The read buffer lives on the stack of a poll, so an idle connection holds no buffer at all. What follows
//! STARTTLS in clear is never looked at.

use crate::limits;
use crate::published::{Clock, Directory, Job, Published, Served};
use husk_core::proto::session::{Action, Request, Session, Step, View as _, What};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{sleep_until, timeout};
use tokio_rustls::server::TlsStream;

/// What all connections share.
pub(crate) struct Hall {
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Clock,
    pub(crate) seats: Seats,
    pub(crate) stop: watch::Receiver<bool>,
    /// Held by every connection; all gone means all ended.
    pub(crate) alive: mpsc::WeakSender<()>,
    pub(crate) count: AtomicU64,
    /// Where connections in clear are served.
    pub(crate) network: Handle,
    /// Where encrypted ones are.
    pub(crate) workers: Handle,
}

/// How many connections there may be and are. A lower limit turns nobody out, it only lets nobody in.
pub(crate) struct Seats {
    limit: AtomicUsize,
    taken: AtomicUsize,
}

impl Seats {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: AtomicUsize::new(limit),
            taken: AtomicUsize::new(0),
        }
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        let one_more = |taken| (taken < limit).then_some(taken + 1);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
    }
}

/// How clients of a listener begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// In clear, with STARTTLS to be had.
    Plain,
    /// With a TLS handshake.
    Tls,
}

/// A connection that may be served.
pub(crate) struct Guest {
    hall: Arc<Hall>,
    peer: IpAddr,
    /// Numbered in the order of arrival.
    id: u64,
    _alive: mpsc::Sender<()>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.hall.seats.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hall {
    /// A seat for a new connection, if there is one.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Guest> {
        let alive = self.alive.upgrade()?;
        self.seats.take().then(|| Guest {
            _alive: alive,
            id: self.count.fetch_add(1, Ordering::Relaxed),
            hall: Arc::clone(self),
            peer: peer.to_canonical(),
        })
    }
}

/// Serves one client until it leaves, idles, breaks a rule, or the server stops.
pub(crate) fn welcome(guest: Guest, stream: TcpStream, entrance: Entrance) {
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("{}: {error}", guest.peer);
    }
    let hall = Arc::clone(&guest.hall);
    let connection = Connection {
        session: Session::new(guest.peer, hall.clock.now()),
        stream: Stream::Gone,
        out: Vec::new(),
        login: None,
        guest,
    };
    match (stream.into_std(), entrance) {
        (Ok(stream), Entrance::Plain) => drop(hall.network.spawn(connection.in_clear(stream))),
        (Ok(stream), Entrance::Tls) => drop(hall.workers.spawn(connection.encrypted(stream))),
        (Err(error), _) => log::debug!("{}: {error}", connection.guest.peer),
    }
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
    /// Not ended: it goes on encrypted.
    StartTls,
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
            Self::StartTls => "starts TLS",
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
    /// On the network thread, which does nothing that takes time.
    async fn in_clear(mut self, stream: std::net::TcpStream) {
        let ended = match TcpStream::from_std(stream) {
            Ok(stream) => {
                self.stream = Stream::Plain(stream);
                let stop = self.guest.hall.stop.clone();
                until(stop, self.serve()).await
            }
            Err(error) => error.into(),
        };
        match (ended, std::mem::replace(&mut self.stream, Stream::Gone)) {
            (Ended::StartTls, Stream::Plain(stream)) => match stream.into_std() {
                Ok(stream) => {
                    let workers = self.guest.hall.workers.clone();
                    workers.spawn(self.encrypted(stream));
                }
                Err(error) => self.end(error.into()).await,
            },
            (ended, stream) => {
                self.stream = stream;
                self.end(ended).await;
            }
        }
    }

    /// Beside the devices, on as many threads as there are processors: a handshake is a millisecond of arithmetic.
    async fn encrypted(mut self, stream: std::net::TcpStream) {
        let stop = self.guest.hall.stop.clone();
        let serving = async {
            match self.handshake(stream).await {
                Ok(()) => self.serve().await,
                Err(ended) => ended,
            }
        };
        let ended = until(stop, serving).await;
        self.end(ended).await;
    }

    async fn end(mut self, ended: Ended) {
        log::debug!("client {}: {ended}", self.guest.peer);
        self.log_out();
        // A peer that does not take our goodbye is left without.
        let _ = timeout(limits::FAREWELL, self.stream.close()).await;
    }

    async fn serve(&mut self) -> Ended {
        let clock = self.guest.hall.clock;
        // Set anew when it rings, not at every request.
        let mut idle = pin!(sleep_until(clock.instant(self.session.idle_deadline())));
        loop {
            let (session, stream) = (&mut self.session, &mut self.stream);
            let read = poll_fn(|context| stream.poll_feed(context, session));
            let login = self.login.as_mut();
            let read = tokio::select! {
                biased;
                () = kicked(login) => return Ended::Kicked,
                read = read => match read {
                    Ok(0) => return Ended::Eof,
                    Ok(length) => length,
                    Err(error) => return error.into(),
                },
                () = idle.as_mut() => {
                    let deadline = self.session.idle_deadline();
                    if clock.now() >= deadline {
                        return Ended::Idle;
                    }
                    idle.as_mut().reset(clock.instant(deadline));
                    continue;
                }
            };
            if let Err(ended) = self.answer().await {
                return ended;
            }
            if read == limits::READ_CHUNK {
                // Who sends without waiting for replies waits for everybody else's.
                yield_now().await;
            }
        }
    }

    /// Answers everything that was read.
    async fn answer(&mut self) -> Result<(), Ended> {
        let served = self.guest.hall.directory.current();
        let mut now = self.guest.hall.clock.now();
        loop {
            match self.session.next(&*served, now, &mut self.out) {
                Step::NeedInput => return self.flush().await,
                Step::Continue if self.out.len() < limits::OUTPUT_HIGH => {}
                Step::Continue => {
                    self.flush().await?;
                    yield_now().await;
                }
                Step::Act(action) => {
                    self.act(action, &served).await?;
                    // It may have taken its time.
                    now = self.guest.hall.clock.now();
                }
            }
        }
    }

    async fn act(&mut self, action: Action, served: &Served) -> Result<(), Ended> {
        match action {
            Action::StartTls => {
                self.flush().await?;
                return Err(Ended::StartTls);
            }
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
            Action::Judge(claim) => {
                let hall = &self.guest.hall;
                let users = served.users();
                let settled = served
                    .gate
                    .settle(users, claim, self.guest.peer, hall.clock);
                let right = settled.await;
                self.session.judged(users, right);
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

    async fn handshake(&mut self, stream: std::net::TcpStream) -> Result<(), Ended> {
        let served = self.guest.hall.directory.current();
        let Some(acceptor) = &served.tls else {
            return Err(Ended::Handshake);
        };
        let stream = TcpStream::from_std(stream)?;
        let reason = match timeout(limits::HANDSHAKE, acceptor.accept(stream)).await {
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
        let written = {
            let mut write = pin!(self.stream.write(&self.out));
            // Mostly there is room, and no need for a timer.
            match poll_fn(|context| Poll::Ready(write.as_mut().poll(context))).await {
                Poll::Ready(written) => Ok(written),
                Poll::Pending => timeout(limits::WRITE, write).await,
            }
        };
        match written {
            Ok(written) => written?,
            Err(_) => {
                log::info!(
                    "{} does not read its replies and is disconnected",
                    self.guest.peer
                );
                return Err(Ended::SlowReader);
            }
        }
        self.out.clear();
        // An idle connection keeps no list it once asked for.
        self.out.shrink_to(limits::OUTPUT_KEPT);
        Ok(())
    }
}

async fn until(mut stop: watch::Receiver<bool>, serving: impl Future<Output = Ended>) -> Ended {
    tokio::select! {
        biased;
        _ = stop.wait_for(|stopped| *stopped) => Ended::Stopped,
        ended = serving => ended,
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
        let mut bytes = [const { MaybeUninit::uninit() }; limits::READ_CHUNK];
        let mut buffer = ReadBuf::uninit(&mut bytes);
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
