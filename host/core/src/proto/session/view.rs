//! What a session asks of the server around it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Page;
use crate::conf::descriptions::Descriptions;
use crate::conf::users::Users;
use crate::proto::Refusal;
use crate::proto::tracking::Outcome;
use crate::state::{Freshness, Snapshot};

/// The world as one connection sees it. Every call is answered from memory, at once.
pub trait View {
    /// All UPSes, in the order of ups.conf.
    fn upses(&self) -> Vec<Ups>;
    /// The UPS of that name, found without regard to case.
    fn ups(&self, name: &str) -> Option<Ups>;
    /// Who may do what.
    fn users(&self) -> &Users;
    /// Whether the password of `name` is right. The default looks at [`View::users`] at once; a server that rations or
    /// hashes answers [`Judgement::Later`] and is then asked by [`super::Action::Judge`].
    fn judge(&self, name: &str, password: &str, _peer: IpAddr, _now: Duration) -> Judgement {
        match self.users().check(name, password) {
            Some(_) => Judgement::Right,
            None => Judgement::Wrong,
        }
    }
    /// What connections without TLS may do.
    fn plain(&self) -> Plain {
        Plain::Allow
    }
    /// Texts for variables and commands.
    fn texts(&self) -> &Descriptions;
    /// How a tracked request ended; `None` if the id is unknown or expired at `now`.
    fn tracking(&self, id: &str, now: Duration) -> Option<Outcome>;
    /// Whether TLS can be had.
    fn tls(&self) -> TlsOffer;
    /// A fresh id for a tracked request, see [`crate::proto::tracking::id`].
    fn new_tracking_id(&self) -> String;
    /// The server's bare version, such as `0.1.0`.
    fn version(&self) -> &str;
}

/// What is known of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It is the user's.
    Right,
    /// It is not, or there is no such user.
    Wrong,
    /// Finding out takes time.
    Later,
}

/// What connections without TLS may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Plain {
    /// Everything, as NUT has it.
    #[default]
    Allow,
    /// Read: no password goes over the wire in clear, and nothing that needs one.
    ReadOnly,
    /// STARTTLS, and ask what the server is.
    Deny,
}

/// Whether TLS can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsOffer {
    /// upsd.conf names no certificate.
    NotConfigured,
    /// It does.
    Ready,
}

/// One UPS at one moment; cheap to clone.
#[derive(Debug, Clone)]
pub struct Ups {
    /// The name as configured.
    pub name: Arc<str>,
    /// `desc` of its section.
    pub desc: Option<Arc<str>>,
    /// What its driver says.
    pub page: Arc<Page>,
    /// FSD is latched.
    pub fsd: bool,
    /// Connections that did LOGIN.
    pub logins: usize,
    /// Their addresses, newest first.
    pub clients: Arc<[IpAddr]>,
}

impl Ups {
    /// The snapshot, if it may be served. A device that never reported has no driver to clients; one that did is stale.
    pub(super) fn available(&self) -> Result<&Snapshot, Refusal> {
        match self.page.freshness {
            Freshness::Waiting => Err(Refusal::DriverNotConnected),
            Freshness::Fresh => Ok(&self.page),
            Freshness::Stale | Freshness::Lost => Err(Refusal::DataStale),
        }
    }
}
