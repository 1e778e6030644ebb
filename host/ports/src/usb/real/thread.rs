//! The thread that makes the blocking calls of one device, and the calls as futures.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use rusb::{Context, DeviceHandle};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::ear::Ear;
use super::{at_least_a_moment, io_error, open_blocking};
use crate::usb::Setup;
use crate::usb::device::Transfers;
use crate::usb::guard::{Endpoint, Transfer};
use crate::{Fut, IoError, limits};

/// The opened device; lives on its threads only, so that closing it, which may block, happens there.
pub(super) struct Opened {
    pub(super) handle: Arc<Handle>,
}

/// A handle that is counted until it is closed: the fields go in this order.
pub(super) struct Handle {
    inner: DeviceHandle<Context>,
    _counted: Counted,
}

impl Handle {
    pub(super) fn new(inner: DeviceHandle<Context>) -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self {
            inner,
            _counted: Counted,
        }
    }
}

impl Deref for Handle {
    type Target = DeviceHandle<Context>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Devices of this process that are open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Waits until the devices that nobody uses any more are closed, which happens on their threads, at most
/// [`limits::USB_CLOSE`]. A process that ends before takes them from the kernel's drivers for good.
pub async fn closed() {
    let looking = async {
        while OPEN.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // One that hangs is left to the kernel.
    let _ = timeout(limits::USB_CLOSE, looking).await;
}

type Task = Box<dyn FnOnce(&Opened) + Send>;

/// A device and its thread. Dropping this ends the thread when its call comes back.
pub(super) struct Thread {
    tasks: SyncSender<Task>,
    /// A call did not come back: the handle is of no use any more.
    stuck: AtomicBool,
    ear: Arc<Ear>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.ear.close();
    }
}

impl Thread {
    /// Starts the thread and opens the device on it.
    pub(super) async fn open(bus: u8, address: u8) -> Result<Self, IoError> {
        let (tasks, queue) = sync_channel(limits::USB_QUEUE);
        let (reply, opened) = oneshot::channel();
        std::thread::Builder::new()
            .name(format!("usb {bus:03}/{address:03}"))
            .spawn(move || match open_blocking(bus, address) {
                Ok(device) => {
                    if reply.send(Ok(())).is_ok() {
                        serve(&device, &queue);
                    }
                }
                // Whoever asked may have gone.
                Err(error) => drop(reply.send(Err(io_error(error)))),
            })?;
        match timeout(limits::USB_STEP, opened).await {
            Ok(Ok(opened)) => opened?,
            Ok(Err(_)) => return Err(IoError::Disconnected),
            Err(_) => return Err(IoError::Timeout),
        }
        Ok(Self {
            tasks,
            stuck: AtomicBool::new(false),
            ear: Arc::default(),
        })
    }

    /// Makes a blocking call that ends by itself within `within`. Dropping the future before the call began cancels it.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        within: Duration,
        call: impl FnOnce(&Opened) -> rusb::Result<T> + Send + 'static,
    ) -> Result<T, IoError> {
        if self.stuck.load(Ordering::Relaxed) {
            return Err(IoError::Disconnected);
        }
        let (reply, answer) = oneshot::channel();
        let task: Task = Box::new(move |device| {
            if !reply.is_closed() {
                // Whoever asked may have gone meanwhile.
                let _ = reply.send(call(device));
            }
        });
        self.tasks.try_send(task).map_err(|full| match full {
            TrySendError::Full(_) => IoError::Busy,
            TrySendError::Disconnected(_) => IoError::Disconnected,
        })?;
        match timeout(within + limits::USB_GRACE, answer).await {
            Ok(Ok(outcome)) => outcome.map_err(io_error),
            Ok(Err(_)) => Err(IoError::Disconnected),
            Err(_) => {
                self.stuck.store(true, Ordering::Relaxed);
                Err(IoError::Disconnected)
            }
        }
    }

    /// Sees to it that somebody listens to an interrupt endpoint.
    async fn listen(&self, endpoint: Endpoint) -> Result<(), IoError> {
        if !self.ear.begin(endpoint.address)? {
            return Ok(());
        }
        let ear = Arc::clone(&self.ear);
        self.call(limits::USB_STEP, move |device| {
            let handle = Arc::clone(&device.handle);
            std::thread::Builder::new()
                .name("usb ear".to_owned())
                .spawn(move || ear.listen(&handle, endpoint))
                .map(drop)
                .map_err(|_| rusb::Error::NoMem)
        })
        .await
    }
}

fn serve(device: &Opened, queue: &Receiver<Task>) {
    while let Ok(task) = queue.recv() {
        task(device);
    }
}

impl Transfers for Thread {
    fn control_in(&self, setup: Setup, within: Duration) -> Fut<'_, Vec<u8>> {
        let wait = at_least_a_moment(within);
        Box::pin(self.call(wait, move |device| {
            let mut answer = vec![0; setup.length.into()];
            let Setup {
                request_type,
                request,
                value,
                index,
                ..
            } = setup;
            let handle = &device.handle;
            let count =
                handle.read_control(request_type, request, value, index, &mut answer, wait)?;
            answer.truncate(count);
            Ok(answer)
        }))
    }

    fn control_out<'a>(&'a self, setup: Setup, data: &'a [u8], within: Duration) -> Fut<'a, ()> {
        let wait = at_least_a_moment(within);
        let data = data.to_vec();
        Box::pin(self.call(wait, move |device| {
            let Setup {
                request_type,
                request,
                value,
                index,
                ..
            } = setup;
            let handle = &device.handle;
            let count = handle.write_control(request_type, request, value, index, &data, wait)?;
            whole(count, &data)
        }))
    }

    fn read(&self, endpoint: Endpoint, max: u16, within: Duration) -> Fut<'_, Vec<u8>> {
        let wait = at_least_a_moment(within);
        Box::pin(async move {
            if endpoint.kind == Transfer::Interrupt {
                self.listen(endpoint).await?;
                return self.ear.hear(max.into(), wait).await;
            }
            self.call(wait, move |device| {
                let mut data = vec![0; max.into()];
                let count = device.handle.read_bulk(endpoint.address, &mut data, wait)?;
                data.truncate(count);
                Ok(data)
            })
            .await
        })
    }

    fn write<'a>(&'a self, endpoint: Endpoint, data: &'a [u8], within: Duration) -> Fut<'a, ()> {
        let wait = at_least_a_moment(within);
        let data = data.to_vec();
        Box::pin(self.call(wait, move |device| {
            let (handle, address) = (&device.handle, endpoint.address);
            let count = match endpoint.kind {
                Transfer::Interrupt => handle.write_interrupt(address, &data, wait)?,
                Transfer::Bulk => handle.write_bulk(address, &data, wait)?,
            };
            whole(count, &data)
        }))
    }

    fn clear_halt(&self, endpoint: u8) -> Fut<'_, ()> {
        Box::pin(self.call(limits::USB_STEP, move |device| {
            device.handle.clear_halt(endpoint)
        }))
    }

    fn reset(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            let reset = self.call(limits::USB_STEP, |device| device.handle.reset());
            match reset.await {
                // It came back with other descriptors or another address.
                Err(IoError::NotFound) => Err(IoError::Disconnected),
                outcome => outcome,
            }
        })
    }

    fn readable(&self, endpoint: Endpoint) -> Fut<'_, ()> {
        Box::pin(async move {
            self.listen(endpoint).await?;
            self.ear.something().await
        })
    }
}

/// A transfer to the device that was cut short ran out of time.
fn whole(count: usize, data: &[u8]) -> rusb::Result<()> {
    if count < data.len() {
        return Err(rusb::Error::Timeout);
    }
    Ok(())
}
