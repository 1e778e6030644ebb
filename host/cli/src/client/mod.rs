//! What the classic client programs share: a blocking connection to a NUT server, options, prompts.
//!
//! The protocol itself is [`husk_core::proto::client`]. Every wait has a deadline. TLS is taken whenever the server has it;
//! as with NUT, nobody is verified unless nutauth.conf says so. Nothing here writes a password anywhere but to the server.

pub(crate) mod args;
pub(crate) mod authconf;
pub(crate) mod prompt;
pub(crate) mod submit;
mod tls;
pub(crate) mod tool;

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use husk_core::proto::client::{self as wire, Line, Lines, Listing, Server};
use rustls::{ClientConnection, StreamOwned};

pub(crate) use husk_tls::client::Security;

/// How long to wait for a server to accept, unless told otherwise. NUT's default since 2.8.3.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for each line of a reply, and for a write to get off. NUT's client library waits as long.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes asked of the socket at a time; a list of 100 variables fits.
const READ: usize = 8 * 1024;

/// Why a server could not be asked. `Display` is the text of NUT's client programs.
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
            Self::Reply(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        Self::Reply(error)
    }
}

/// The system's words for an error, as C programs print them.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "Connection timed out".to_owned(),
        _ => {
            let text = error.to_string();
            match text.rsplit_once(" (os error") {
                Some((words, _)) => words.to_owned(),
                None => text,
            }
        }
    }
}

/// A connection to a NUT server. Says LOGOUT when dropped, if it still can.
pub(crate) struct Connection {
    stream: Stream,
    lines: Lines,
    /// Requests and replies are still in step.
    usable: bool,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Connection {
    /// Connects to the first address that accepts, waiting `timeout` for each (`None`: as long as the system does), and
    /// starts TLS if the server offers it.
    ///
    /// # Errors
    /// Why there is no connection, or none as `security` demands.
    pub(crate) fn open(
        server: &Server,
        timeout: Option<Duration>,
        security: &Security,
    ) -> Result<Self, Error> {
        let mut connection = Self {
            stream: Stream::Plain(connect(server, timeout)?),
            lines: Lines::new(),
            usable: true,
        };
        let secured = connection.start_tls(server, security);
        connection.usable &= secured.is_ok();
        secured.map(|()| connection)
    }

    /// Sends a request and gives the first line of the reply, whatever it says.
    ///
    /// # Errors
    /// The line could not be had.
    pub(crate) fn ask(&mut self, words: &[&str]) -> Result<Line, Error> {
        self.send(words)?;
        self.line()
    }

    /// GET: the words after the echo of `query`.
    ///
    /// # Errors
    /// The answer could not be had, or the server refused.
    pub(crate) fn get(&mut self, query: &[&str]) -> Result<Vec<String>, Error> {
        let line = self.ask(&[&["GET"], query].concat())?;
        Ok(wire::answer(query, &line)?)
    }

    /// GET for answers of one value.
    ///
    /// # Errors
    /// As [`Connection::get`].
    pub(crate) fn get_one(&mut self, query: &[&str]) -> Result<String, Error> {
        let words = self.get(query)?;
        Ok(words.into_iter().next().unwrap_or_default())
    }

    /// LIST: every row, without the echo of `query`.
    ///
    /// # Errors
    /// The whole list could not be had, or the server refused.
    pub(crate) fn list(&mut self, query: &[&str]) -> Result<Vec<Vec<String>>, Error> {
        self.send(&[&["LIST"], query].concat())?;
        let mut listing = Listing::new(query);
        loop {
            let line = self.line()?;
            if let Some(rows) = listing.take(&line)? {
                return Ok(rows);
            }
        }
    }

    fn send(&mut self, words: &[&str]) -> Result<(), Error> {
        let request = wire::request(words);
        let stream: &mut dyn Write = match &mut self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.as_mut(),
        };
        let sent = stream
            .write_all(request.as_bytes())
            .and_then(|()| stream.flush());
        self.usable &= sent.is_ok();
        sent.map_err(Error::Write)
    }

    fn line(&mut self) -> Result<Line, Error> {
        let line = self.receive();
        self.usable &= line.is_ok();
        line
    }

    fn receive(&mut self) -> Result<Line, Error> {
        let until = Instant::now() + REPLY_TIMEOUT;
        loop {
            if let Some(line) = self.lines.next_line()? {
                return Ok(line);
            }
            let mut buffer = [0; READ];
            let count = self.read(&mut buffer, until)?;
            match buffer.get(..count) {
                Some(bytes) if count > 0 => self.lines.feed(bytes),
                _ => return Err(Error::Disconnected),
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8], until: Instant) -> Result<usize, Error> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::Read(io::ErrorKind::TimedOut.into()));
        }
        let socket = match &self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => stream.get_ref(),
        };
        socket.set_read_timeout(Some(left)).map_err(Error::Read)?;
        match &mut self.stream {
            Stream::Plain(socket) => socket.read(buffer).map_err(Error::Read),
            // A server that ends TLS without saying so has still disconnected, and a line cut short is never used.
            Stream::Tls(stream) => match stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                result => result.map_err(Error::Read),
            },
        }
    }

    fn start_tls(&mut self, server: &Server, security: &Security) -> Result<(), Error> {
        let line = self.ask(&["STARTTLS"])?;
        if wire::acknowledged(&line) != Ok(vec!["STARTTLS".to_owned()]) {
            return if security.demands_tls() {
                Err(Error::NoTls)
            } else {
                Ok(())
            };
        }
        if !self.lines.is_empty() {
            return Err(Error::Tls(
                "the server talks in clear after agreeing on TLS".to_owned(),
            ));
        }
        if let Stream::Plain(socket) = &self.stream {
            let socket = socket.try_clone().map_err(Error::Connect)?;
            let stream = tls::handshake(socket, &server.host, security).map_err(Error::Tls)?;
            self.stream = Stream::Tls(Box::new(stream));
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The server's farewell is awaited so that it has forgotten us when the program ends; without one nothing is lost.
        if self.usable {
            let _ = self.ask(&["LOGOUT"]);
        }
    }
}

fn connect(server: &Server, timeout: Option<Duration>) -> Result<TcpStream, Error> {
    let addresses = (server.host.as_str(), server.port)
        .to_socket_addrs()
        .map_err(|_| Error::NoSuchHost)?;
    let mut last = Error::NoSuchHost;
    for address in addresses {
        let tried = match timeout {
            Some(timeout) => TcpStream::connect_timeout(&address, timeout),
            None => TcpStream::connect(address),
        };
        let ready = tried.and_then(|socket| {
            socket.set_nodelay(true)?;
            socket.set_read_timeout(Some(REPLY_TIMEOUT))?;
            socket.set_write_timeout(Some(REPLY_TIMEOUT))?;
            Ok(socket)
        });
        match ready {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Error::Connect(error),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::thread;

    /// A server for one connection: each request must be the expected one; no more replies, no more connection.
    fn serve(script: &'static [(&'static str, &'static str)]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut requests = BufReader::new(socket.try_clone().unwrap()).lines();
            for (request, reply) in script {
                assert_eq!(requests.next().unwrap().unwrap(), *request);
                socket.write_all(reply.as_bytes()).unwrap();
            }
        });
        Server {
            host: "127.0.0.1".to_owned(),
            port,
        }
    }

    const CLEAR: (&str, &str) = ("STARTTLS", "ERR FEATURE-NOT-CONFIGURED\n");

    fn open(server: &Server) -> Connection {
        Connection::open(server, Some(CONNECT_TIMEOUT), &Security::default()).unwrap()
    }

    #[test]
    fn a_server_without_tls_is_asked_in_clear() {
        const LIST: &str = "BEGIN LIST VAR u\nVAR u a.b \"1 2\"\nEND LIST VAR u\n";
        let server = serve(&[
            CLEAR,
            ("LIST VAR u", LIST),
            ("GET VAR u \"a b\"", "ERR DATA-STALE\n"),
            ("GET DESC u a.b", "DESC u a.b \"Text\"\n"),
            ("LOGOUT", "OK Goodbye\n"),
        ]);
        let mut connection = open(&server);
        assert_eq!(connection.list(&["VAR", "u"]).unwrap(), [["a.b", "1 2"]]);
        let stale = connection.get(&["VAR", "u", "a b"]).unwrap_err();
        assert_eq!(stale.to_string(), "Data stale");
        assert_eq!(connection.get_one(&["DESC", "u", "a.b"]).unwrap(), "Text");
    }

    #[test]
    fn a_lost_server_is_told_from_a_refusing_one() {
        let mut connection = open(&serve(&[CLEAR, ("LIST UPS", "BEGIN LIST UPS\nUPS a")]));
        let lost = connection.list(&["UPS"]).unwrap_err();
        assert!(matches!(lost, Error::Disconnected), "{lost}");
        assert!(!connection.usable);
        let gone = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let nobody = Server {
            host: "127.0.0.1".to_owned(),
            port: gone.port(),
        };
        let refused = Connection::open(&nobody, None, &Security::default()).err();
        assert_eq!(
            refused.unwrap().to_string(),
            "Connection failure: Connection refused"
        );
    }

    #[test]
    fn demanded_tls_is_not_given_up() {
        let force = Security {
            force: true,
            ..Security::default()
        };
        let refused = Connection::open(&serve(&[CLEAR]), None, &force)
            .err()
            .unwrap();
        assert!(matches!(refused, Error::NoTls));
        let spliced = serve(&[("STARTTLS", "OK STARTTLS\nOK\n")]);
        let refused = Connection::open(&spliced, None, &Security::default()).err();
        assert!(matches!(refused, Some(Error::Tls(_))));
    }
}
