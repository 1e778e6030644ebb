//! One connection to a server: TLS, requests with their replies, and what the server says unasked.
//!
//! Every wait has a deadline. A connection that failed once is of no more use: requests and replies are out of step.
//! Refuses to go on in clear where the configuration demands TLS. Source: RFC 9271; `CHANGED` is our own extension.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use husk_core::proto::client::{self as wire, Line, Lines, Listing};
use husk_tls::client::{self as tls, Security};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::addresses::Addresses;
use crate::limits;

/// Why a server could not be asked. `Display` is the text of NUT's client library.
#[derive(Debug)]
pub(crate) enum Error {
    /// The name has no address.
    NoSuchHost,
    /// No address of the server accepts.
    Connect(io::Error),
    /// The request did not get off.
    Write(io::Error),
    /// The reply did not come.
    Read(io::Error),
    /// The server closed the connection.
    Disconnected,
    /// TLS is demanded and the server has none.
    NoTls,
    /// TLS failed.
    Tls(String),
    /// The configuration rules out every connection.
    Configuration(&'static str),
    /// The server answered, but not what was hoped for.
    Reply(wire::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchHost => f.write_str("No such host"),
            Self::Connect(error) => write!(f, "Connection failure: {}", reason(error)),
            Self::Write(error) => write!(f, "Write error: {}", reason(error)),
            Self::Read(error) => write!(f, "Read error: {}", reason(error)),
            Self::Disconnected => f.write_str("Server disconnected"),
            Self::NoTls => f.write_str("SSL is not available"),
            Self::Tls(why) => write!(f, "SSL error: {why}"),
            Self::Configuration(why) => write!(f, "Configuration error: {why}"),
            Self::Reply(error) => error.fmt(f),
        }
    }
}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        Self::Reply(error)
    }
}

impl Error {
    /// Whether the server only said no, so that the connection can be asked further.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Reply(wire::Error::Refused(_) | wire::Error::RefusedOtherwise(_))
        )
    }
}

/// The system's words for an error, as C programs print them.
pub(crate) fn reason(error: &io::Error) -> String {
    if matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    ) {
        return "Connection timed out".to_owned();
    }
    let text = error.to_string();
    match text.rsplit_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// A connection to a NUT server.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    lines: Lines,
    /// `CHANGED` came between a request and its reply.
    changed: bool,
}

impl Connection {
    /// Connects to the first address that accepts and starts TLS if the server offers it.
    ///
    /// # Errors
    /// Why there is no connection, or none as `security` demands.
    pub(crate) async fn open(
        addresses: &mut Addresses,
        patience: Duration,
        security: &Security,
    ) -> Result<Self, Error> {
        if security.verify && security.roots.is_none() {
            return Err(Error::Configuration(
                "CERTVERIFY is set, but CERTPATH isn't",
            ));
        }
        let socket = addresses.connect(patience).await?;
        let peer = socket.peer_addr().map_err(Error::Connect)?.ip();
        let plain = Plain {
            socket,
            lines: Lines::new(),
        };
        plain.secured(addresses.host(), peer, security).await
    }

    /// Sends a request and gives the first line of the reply, whatever it says.
    ///
    /// # Errors
    /// The line could not be had before `until`.
    pub(crate) async fn ask(&mut self, words: &[&str], until: Instant) -> Result<Line, Error> {
        send(&mut self.stream, words, until).await?;
        self.line(until).await
    }

    async fn line(&mut self, until: Instant) -> Result<Line, Error> {
        loop {
            let line = receive(&mut self.stream, &mut self.lines, until).await?;
            if !is_push(&line) {
                return Ok(line);
            }
            self.changed = true;
        }
    }

    /// A request that the server may only acknowledge.
    ///
    /// # Errors
    /// As [`Connection::ask`], and the server's refusal.
    pub(crate) async fn order(&mut self, words: &[&str]) -> Result<(), Error> {
        let line = self.ask(words, Instant::now() + limits::REPLY).await?;
        wire::acknowledged(&line)?;
        Ok(())
    }

    /// GET for answers of one value.
    ///
    /// # Errors
    /// As [`Connection::ask`], and the server's refusal.
    pub(crate) async fn get(&mut self, query: &[&str], until: Instant) -> Result<String, Error> {
        let line = self.ask(&[&["GET"], query].concat(), until).await?;
        let words = wire::answer(query, &line)?;
        Ok(words.into_iter().next().unwrap_or_default())
    }

    /// LIST: how many rows there are.
    ///
    /// # Errors
    /// As [`Connection::ask`], and the server's refusal.
    pub(crate) async fn count(&mut self, query: &[&str], until: Instant) -> Result<usize, Error> {
        let mut line = self.ask(&[&["LIST"], query].concat(), until).await?;
        let mut listing = Listing::new(query);
        loop {
            if let Some(rows) = listing.take(&line)? {
                return Ok(rows.len());
            }
            line = self.line(until).await?;
        }
    }

    /// Waits until the server says unasked that something changed. May be given up at any time.
    ///
    /// # Errors
    /// The connection ended, or the server said something else unasked.
    pub(crate) async fn changed(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.changed) {
            return Ok(());
        }
        loop {
            match self.lines.next_line()? {
                Some(line) if is_push(&line) => return Ok(()),
                Some(_) => return Err(Error::Reply(wire::Error::Protocol)),
                None => read(&mut self.stream, &mut self.lines).await?,
            }
        }
    }

    /// Says goodbye.
    pub(crate) async fn log_out(mut self) {
        // The farewell is awaited so that the server has forgotten us; without one nothing is lost.
        let _ = self
            .ask(&["LOGOUT"], Instant::now() + limits::FAREWELL)
            .await;
    }
}

/// A connection on which TLS has not been agreed on.
struct Plain {
    socket: TcpStream,
    lines: Lines,
}

impl Plain {
    async fn secured(
        mut self,
        host: &str,
        peer: IpAddr,
        security: &Security,
    ) -> Result<Connection, Error> {
        let until = Instant::now() + limits::REPLY;
        send(&mut self.socket, &["STARTTLS"], until).await?;
        let line = receive(&mut self.socket, &mut self.lines, until).await?;
        if wire::acknowledged(&line) != Ok(vec!["STARTTLS".to_owned()]) {
            if security.demands_tls() {
                return Err(Error::NoTls);
            }
            return Ok(Connection {
                stream: Box::new(self.socket),
                lines: self.lines,
                changed: false,
            });
        }
        if !self.lines.is_empty() {
            return Err(Error::Tls(
                "the server talks in clear after agreeing on TLS".to_owned(),
            ));
        }
        let config = tls::config(security).map_err(|error| Error::Tls(error.to_string()))?;
        let name = tls::server_name(security, host, peer)
            .map_err(|error| Error::Tls(error.to_string()))?;
        let handshake = TlsConnector::from(config).connect(name, self.socket);
        match timeout_at(until, handshake).await {
            Ok(Ok(stream)) => Ok(Connection {
                stream: Box::new(stream),
                lines: Lines::new(),
                changed: false,
            }),
            Ok(Err(error)) => Err(Error::Tls(reason(&error))),
            Err(_) => Err(Error::Tls("the handshake takes too long".to_owned())),
        }
    }
}

fn is_push(line: &Line) -> bool {
    line.words.first().is_some_and(|word| word == "CHANGED")
}

async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    words: &[&str],
    until: Instant,
) -> Result<(), Error> {
    let request = wire::request(words);
    let sent = timeout_at(until, async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await
    });
    match sent.await {
        Ok(sent) => sent.map_err(Error::Write),
        Err(_) => Err(Error::Write(io::ErrorKind::TimedOut.into())),
    }
}

async fn receive(
    stream: &mut (impl AsyncRead + Unpin),
    lines: &mut Lines,
    until: Instant,
) -> Result<Line, Error> {
    loop {
        if let Some(line) = lines.next_line()? {
            return Ok(line);
        }
        match timeout_at(until, read(stream, lines)).await {
            Ok(read) => read?,
            Err(_) => return Err(Error::Read(io::ErrorKind::TimedOut.into())),
        }
    }
}

/// Reads once; loses nothing when it is given up before.
async fn read(stream: &mut (impl AsyncRead + Unpin), lines: &mut Lines) -> Result<(), Error> {
    let mut buffer = [0; limits::READ];
    let count = match stream.read(&mut buffer).await {
        // A server that ends TLS without saying so has still disconnected, and a line cut short is never used.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
        result => result.map_err(Error::Read)?,
    };
    match buffer.get(..count) {
        Some(bytes) if count > 0 => lines.feed(bytes),
        _ => return Err(Error::Disconnected),
    }
    Ok(())
}
