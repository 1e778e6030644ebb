//! The load: many connections from one thread, each sending a fixed number of requests at once.
//!
//! Closed loop: a batch of requests is sent when all replies to the one before have come, so a slow server is asked less,
//! never flooded. A reply is known by its number of lines, learned before the clock starts; its text is not looked at.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::epoll;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// A server that says nothing for this long has failed the measurement.
const STALL: Duration = Duration::from_secs(20);
/// A list is over when nothing more of it has come for so long; several delayed acknowledgements.
const PAUSE: Duration = Duration::from_millis(300);
/// Bytes read at once: several lists.
const CHUNK: usize = 64 * 1024;

/// What to ask, how, and for how long.
pub(crate) struct Load {
    pub(crate) port: u16,
    pub(crate) request: String,
    pub(crate) connections: usize,
    /// Requests sent at once on each connection.
    pub(crate) depth: usize,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Asked but not counted.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// The kernel counts processor time in steps of 10 ms; below five of them a figure per reply would be made up.
const RESOLVED: Duration = Duration::from_millis(50);

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Replies per second.
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// The server's processor time per reply; zero when it used less than [`RESOLVED`] in all.
    pub(crate) cpu: Duration,
}

/// Connections that have been made but not used yet.
pub(crate) struct Crowd {
    talks: Vec<Talk>,
}

impl Load {
    /// Makes the connections, one after the other; each has had one reply when the next is made.
    pub(crate) fn connect(&self) -> io::Result<Crowd> {
        let talks = (0..self.connections).map(|_| Talk::connect(self));
        Ok(Crowd {
            talks: talks.collect::<io::Result<_>>()?,
        })
    }

    /// Asks over `crowd`. `cpu` tells the processor time the server has used so far.
    pub(crate) fn run(&self, crowd: Crowd, cpu: impl Fn() -> Duration) -> io::Result<Figures> {
        let Crowd { mut talks } = crowd;
        let request = format!("{}\n", self.request).into_bytes();
        let first = talks.first_mut().ok_or(io::ErrorKind::InvalidInput)?;
        let lines = first.lines_of_reply(&request)?;
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (at, talk) in talks.iter_mut().enumerate() {
            talk.stream.set_nonblocking(true)?;
            let token = epoll::EventData::new_u64(at as u64);
            epoll::add(&poll, &talk.stream, token, epoll::EventFlags::IN)?;
            talk.ask(&request, self.depth, Instant::now())?;
        }
        let begin = Instant::now() + self.warm_up;
        let end = begin + self.measured;
        let mut counting = None;
        let mut times: Vec<Duration> = Vec::new();
        let mut events = Vec::with_capacity(1024);
        let mut bytes = vec![0; CHUNK];
        loop {
            let patience = rustix::event::Timespec::try_from(STALL).ok();
            events.clear();
            epoll::wait(
                &poll,
                rustix::buffer::spare_capacity(&mut events),
                patience.as_ref(),
            )?;
            if events.is_empty() {
                return Err(io::Error::other("the server stopped answering"));
            }
            let now = Instant::now();
            if counting.is_none() && now >= begin {
                times.clear();
                counting = Some((now, cpu()));
            }
            for event in &events {
                let at = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                let Some(talk) = talks.get_mut(at) else {
                    continue;
                };
                talk.read(&mut bytes)?;
                let now = Instant::now();
                while talk.lines >= lines {
                    talk.lines -= lines;
                    times.extend(talk.sent.pop_front().map(|sent| now - sent));
                }
                if talk.sent.is_empty() {
                    talk.ask(&request, self.depth, now)?;
                }
            }
            if let Some((since, used)) = counting
                && now >= end
            {
                return Ok(figures(&mut times, now - since, cpu() - used));
            }
        }
    }
}

fn figures(times: &mut [Duration], span: Duration, cpu: Duration) -> Figures {
    times.sort_unstable();
    let part = |hundredths: usize| {
        let at = times.len() * hundredths / 100;
        times.get(at).copied().unwrap_or_default()
    };
    let replies = u32::try_from(times.len()).unwrap_or(u32::MAX).max(1);
    Figures {
        rate: f64::from(replies) / span.as_secs_f64(),
        p50: part(50),
        p99: part(99),
        cpu: if cpu < RESOLVED {
            Duration::ZERO
        } else {
            cpu / replies
        },
    }
}

/// One connection.
struct Talk {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// When each request under way was sent.
    sent: VecDeque<Instant>,
    /// Lines that came and belong to no whole reply yet.
    lines: usize,
}

impl Talk {
    fn connect(load: &Load) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", load.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(STALL))?;
        let mut talk = Self {
            stream,
            tls: None,
            sent: VecDeque::new(),
            lines: 0,
        };
        if let Some(config) = &load.tls {
            talk.exchange(b"STARTTLS\n")?;
            let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
            let session = ClientConnection::new(Arc::clone(config), name);
            let mut session = session.map_err(io::Error::other)?;
            while session.is_handshaking() {
                session.complete_io(&mut talk.stream)?;
            }
            talk.tls = Some(Box::new(session));
        }
        talk.exchange(b"NETVER\n")?;
        talk.lines = 0;
        Ok(talk)
    }

    /// How many lines the answer to `request` has: what comes until nothing comes for [`PAUSE`].
    fn lines_of_reply(&mut self, request: &[u8]) -> io::Result<usize> {
        self.exchange(request)?;
        let mut bytes = vec![0; CHUNK];
        self.stream.set_read_timeout(Some(PAUSE))?;
        loop {
            match self.read(&mut bytes) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(std::mem::take(&mut self.lines))
    }

    /// Asks and waits for the first line, or more, of the reply.
    fn exchange(&mut self, request: &[u8]) -> io::Result<()> {
        self.lines = 0;
        self.ask(request, 1, Instant::now())?;
        self.sent.clear();
        let mut bytes = vec![0; CHUNK];
        while self.lines == 0 {
            self.read(&mut bytes)?;
        }
        Ok(())
    }

    /// Sends `request` `times` times, in one write.
    fn ask(&mut self, request: &[u8], times: usize, now: Instant) -> io::Result<()> {
        if times == 0 {
            return Ok(());
        }
        self.sent.extend(std::iter::repeat_n(now, times));
        let bytes = request.repeat(times);
        // The server has answered as much before, so there is room for this little.
        match &mut self.tls {
            None => self.stream.write_all(&bytes),
            Some(tls) => {
                tls.writer().write_all(&bytes)?;
                while tls.wants_write() {
                    tls.write_tls(&mut self.stream)?;
                }
                Ok(())
            }
        }
    }

    /// Reads once and counts the lines.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            let length = self.stream.read(bytes)?;
            return self.count(bytes.get(..length).unwrap_or_default());
        };
        if tls.read_tls(&mut self.stream)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let ready = tls.process_new_packets().map_err(io::Error::other)?;
        let mut left = ready.plaintext_bytes_to_read();
        while left > 0 {
            let Some(tls) = &mut self.tls else { break };
            let length = tls.reader().read(bytes)?;
            left = left.saturating_sub(length);
            self.count(bytes.get(..length).unwrap_or_default())?;
        }
        Ok(())
    }

    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.lines += bytes.iter().filter(|&&byte| byte == b'\n').count();
        Ok(())
    }
}
