//! One USB device behind a Unix socket, spoken to in USB/IP: CMD_SUBMIT and CMD_UNLINK, without the import handshake.
//!
//! The same bytes that Linux' virtual host controller exchanges with a device it was handed, so one simulator serves
//! both. Replies come in any order and are matched by number; a read of an interrupt endpoint stays posted until the
//! device has something, whoever waits for it. Refuses to connect over a network. Numbers: usbip_protocol.rst of Linux.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex as Turn, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::device::{Descriptor, Guarded, Transfers, read_configuration, read_strings};
use super::guard::{Endpoint, Interface, Transfer};
use super::matching::Identity;
use super::{Request, Setup, UsbPort, name};
use crate::{Fut, IoError, OpenError, limits};

/// Connects, and opens the device if it is the one asked for.
///
/// # Errors
/// The socket cannot be connected, the device does not answer, or it is not the one.
pub async fn open(path: &Path, request: &Request) -> Result<Arc<dyn UsbPort>, OpenError> {
    let stream = UnixStream::connect(path)
        .await
        .map_err(|error| OpenError::from_io(path, &error))?;
    let failed = |error: IoError| OpenError::Other {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let link = Link::new(stream);
    let bytes = link
        .control_in(Setup::device_descriptor(), limits::USB_DESCRIPTOR)
        .await
        .map_err(failed)?;
    let descriptor =
        Descriptor::parse(&bytes).ok_or_else(|| failed(IoError::Other("no device".to_owned())))?;
    let mut identity = Identity {
        vendor_id: descriptor.vendor_id,
        product_id: descriptor.product_id,
        release: descriptor.release,
        // Where the kernel's virtual controller has its first device too.
        bus: 1,
        address: 1,
        ports: vec![1],
        ..Identity::default()
    };
    if !request.near(&identity) {
        return Err(refused(&identity, "no driver claims it"));
    }
    let strings = read_strings(&link, descriptor.strings).await;
    [identity.manufacturer, identity.product, identity.serial] = strings.map_err(failed)?;
    request
        .judge(&identity)
        .map_err(|reason| refused(&identity, &reason))?;
    let configuration = read_configuration(&link, 1).await.map_err(failed)?;
    if let Some(&value) = configuration.get(5) {
        link.configuration.store(value, Ordering::Relaxed);
    }
    link.configure().await.map_err(failed)?;
    let number = request.interface_of(&identity);
    let interface = Interface::in_configuration(&configuration, number)
        .ok_or_else(|| refused(&identity, &format!("it has no interface {number}")))?;
    Ok(Arc::new(Guarded::new(
        identity,
        configuration,
        interface,
        link,
    )))
}

fn refused(identity: &Identity, reason: &str) -> OpenError {
    OpenError::NoDevice(format!("{}: {reason}", name(identity)))
}

const SUBMIT: u32 = 1;
const UNLINK: u32 = 2;
const SUBMITTED: u32 = 3;
const UNLINKED: u32 = 4;
const HEADER: usize = 48;
/// Bus 1, device 1.
const DEVICE: u32 = 0x0001_0001;
const CONTROL: u8 = 0;

/// A connection with its device; dropping it unplugs us.
struct Link {
    writer: Turn<OwnedWriteHalf>,
    shared: Arc<Shared>,
    /// The posted read of each interrupt endpoint.
    posted: Mutex<HashMap<u8, Arc<Turn<Posted>>>>,
    next: AtomicU32,
    /// Value of the configuration that the device is in; the host's duty, which is otherwise the kernel's.
    configuration: AtomicU8,
    reader: AbortHandle,
}

/// Who waits for which answer; `None` once the device is gone.
struct Shared(Mutex<Option<HashMap<u32, Waiting>>>);

struct Waiting {
    to_host: bool,
    answer: oneshot::Sender<Result<Vec<u8>, IoError>>,
}

type Answer = oneshot::Receiver<Result<Vec<u8>, IoError>>;

/// A read of an endpoint that outlives the call that began it.
#[derive(Default)]
struct Posted {
    pending: Option<Answer>,
    done: Option<Result<Vec<u8>, IoError>>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Link {
    fn new(stream: UnixStream) -> Self {
        let (read, write) = stream.into_split();
        let shared = Arc::new(Shared(Mutex::new(Some(HashMap::new()))));
        let reader = tokio::spawn(listen(read, Arc::clone(&shared))).abort_handle();
        Self {
            writer: Turn::new(write),
            shared,
            posted: Mutex::default(),
            next: AtomicU32::new(1),
            configuration: AtomicU8::new(1),
            reader,
        }
    }

    /// Sends a request block and gives its number and where the answer comes.
    async fn submit(
        &self,
        endpoint: u8,
        to_host: bool,
        length: u32,
        setup: [u8; 8],
        data: &[u8],
    ) -> Result<(u32, Answer), IoError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        let waiting = Waiting {
            to_host,
            answer: sender,
        };
        match self.shared.lock().as_mut() {
            Some(table) => table.insert(number, waiting),
            None => return Err(IoError::Disconnected),
        };
        let words = [
            SUBMIT,
            number,
            DEVICE,
            u32::from(to_host),
            u32::from(endpoint & 0x0f),
            0,
            length,
            0,
            u32::MAX,
            0,
        ];
        let mut packet: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        packet.extend(setup);
        packet.extend(data);
        self.send(&packet).await?;
        Ok((number, answer))
    }

    async fn send(&self, packet: &[u8]) -> Result<(), IoError> {
        let mut writer = self.writer.lock().await;
        timeout(limits::USB_STEP, writer.write_all(packet))
            .await
            .map_err(|_| IoError::Disconnected)?
            .map_err(|_| IoError::Disconnected)
    }

    /// A transfer that is taken back when its time is over.
    async fn transfer(
        &self,
        endpoint: u8,
        to_host: bool,
        length: u32,
        setup: [u8; 8],
        data: &[u8],
        within: Duration,
    ) -> Result<Vec<u8>, IoError> {
        let (number, answer) = self.submit(endpoint, to_host, length, setup, data).await?;
        match timeout(within, answer).await {
            Ok(answer) => answer.unwrap_or(Err(IoError::Disconnected)),
            Err(_) => {
                self.unlink(number).await?;
                Err(IoError::Timeout)
            }
        }
    }

    /// The answer may be on its way; then nobody waits for it any more, but its data must still be taken off the line.
    async fn unlink(&self, number: u32) -> Result<(), IoError> {
        let own = self.next.fetch_add(1, Ordering::Relaxed);
        let words = [UNLINK, own, DEVICE, 0, 0, number];
        let mut packet: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        packet.resize(HEADER, 0);
        self.send(&packet).await
    }

    fn posted(&self, endpoint: u8) -> Arc<Turn<Posted>> {
        let mut table = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(table.entry(endpoint).or_default())
    }

    /// Waits until the posted read of an endpoint is done. May be dropped: the read stays posted.
    async fn posted_done(&self, posted: &mut Posted, endpoint: u8) {
        if posted.done.is_some() {
            return;
        }
        if posted.pending.is_none() {
            match self
                .submit(endpoint, true, u32::from(POSTED), [0; 8], &[])
                .await
            {
                Ok((_, answer)) => posted.pending = Some(answer),
                Err(error) => {
                    posted.done = Some(Err(error));
                    return;
                }
            }
        }
        if let Some(answer) = &mut posted.pending {
            let outcome = answer.await;
            posted.pending = None;
            posted.done = Some(outcome.unwrap_or(Err(IoError::Disconnected)));
        }
    }
}

/// Room of a posted read: the largest packet of a high-speed interrupt endpoint.
const POSTED: u16 = 1024;

impl Transfers for Link {
    fn control_in(&self, setup: Setup, within: Duration) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            let length = setup.length.into();
            self.transfer(CONTROL, true, length, setup.bytes(), &[], within)
                .await
        })
    }

    fn control_out<'a>(&'a self, setup: Setup, data: &'a [u8], within: Duration) -> Fut<'a, ()> {
        Box::pin(async move {
            let length = setup.length.into();
            self.transfer(CONTROL, false, length, setup.bytes(), data, within)
                .await
                .map(drop)
        })
    }

    fn read(&self, endpoint: Endpoint, max: u16, within: Duration) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            if endpoint.kind == Transfer::Bulk {
                let (address, length) = (endpoint.address, max.into());
                return self
                    .transfer(address, true, length, [0; 8], &[], within)
                    .await;
            }
            let posted = self.posted(endpoint.address);
            let mut posted = posted.lock().await;
            // At least a moment, so that what is there already can be seen to be there.
            let within = within.max(Duration::from_millis(1));
            let waiting = self.posted_done(&mut posted, endpoint.address);
            if timeout(within, waiting).await.is_err() {
                return Err(IoError::Timeout);
            }
            let report = posted.done.take().unwrap_or(Err(IoError::Timeout))?;
            if report.len() > usize::from(max) {
                return Err(IoError::Overflow);
            }
            Ok(report)
        })
    }

    fn write<'a>(&'a self, endpoint: Endpoint, data: &'a [u8], within: Duration) -> Fut<'a, ()> {
        Box::pin(async move {
            let length = u32::try_from(data.len()).map_err(|_| IoError::TooLong)?;
            self.transfer(endpoint.address, false, length, [0; 8], data, within)
                .await
                .map(drop)
        })
    }

    fn clear_halt(&self, endpoint: u8) -> Fut<'_, ()> {
        // CLEAR_FEATURE, ENDPOINT_HALT.
        self.request(0x02, 1, 0, endpoint.into())
    }

    fn reset(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            // The words in which Linux tells a USB/IP device to reset: SET_FEATURE, PORT_RESET to a hub's port. A device
            // that does not know them resets when it is configured.
            match self.request(0x23, 3, 4, 0).await {
                Ok(()) | Err(IoError::Stall) => self.configure().await,
                Err(error) => Err(error),
            }
        })
    }

    fn readable(&self, endpoint: Endpoint) -> Fut<'_, ()> {
        Box::pin(async move {
            let posted = self.posted(endpoint.address);
            let mut posted = posted.lock().await;
            self.posted_done(&mut posted, endpoint.address).await;
            Ok(())
        })
    }
}

impl Link {
    /// SET_CONFIGURATION.
    fn configure(&self) -> Fut<'_, ()> {
        self.request(
            0x00,
            9,
            self.configuration.load(Ordering::Relaxed).into(),
            0,
        )
    }

    fn request(&self, request_type: u8, request: u8, value: u16, index: u16) -> Fut<'_, ()> {
        let setup = Setup {
            request_type,
            request,
            value,
            index,
            length: 0,
        };
        self.control_out(setup, &[], limits::USB_STEP)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<HashMap<u32, Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes answers off the line until it ends; then nobody is left waiting.
async fn listen(mut stream: OwnedReadHalf, shared: Arc<Shared>) {
    while let Ok(Some(())) = answer(&mut stream, &shared).await {}
    shared.lock().take();
}

async fn answer(stream: &mut OwnedReadHalf, shared: &Shared) -> std::io::Result<Option<()>> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).await?;
    let word = |number: usize| {
        let bytes = header.get(number * 4..number * 4 + 4);
        bytes.map_or(0, |bytes| {
            bytes
                .iter()
                .fold(0, |sum: u32, &byte| sum << 8 | u32::from(byte))
        })
    };
    let (command, number, status, length) = (word(0), word(1), word(5), word(6));
    match command {
        UNLINKED => return Ok(Some(())),
        SUBMITTED => {}
        _ => return Ok(None),
    }
    let Some(waiting) = shared
        .lock()
        .as_mut()
        .and_then(|table| table.remove(&number))
    else {
        // An answer to nothing: where the next begins cannot be told.
        return Ok(None);
    };
    let mut data = Vec::new();
    if waiting.to_host {
        if length > u32::from(limits::USB_TRANSFER) {
            return Ok(None);
        }
        data.resize(usize::try_from(length).unwrap_or_default(), 0);
        stream.read_exact(&mut data).await?;
    }
    let outcome = match status.cast_signed() {
        0 => Ok(data),
        error => Err(io_error(error)),
    };
    // A transfer given up meanwhile wants no answer.
    let _ = waiting.answer.send(outcome);
    Ok(Some(()))
}

/// The status of a request block: a negated Linux errno.
fn io_error(status: i32) -> IoError {
    match -status {
        32 => IoError::Stall,
        75 => IoError::Overflow,
        110 | 62 => IoError::Timeout,
        19 | 108 => IoError::Disconnected,
        errno => IoError::Other(std::io::Error::from_raw_os_error(errno).to_string()),
    }
}

#[cfg(test)]
mod tests;
