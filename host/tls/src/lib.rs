//! Certificates, keys and TLS settings, for the server and for every client.
//!
//! Files in, rustls configurations out. Nothing here opens a socket. TLS 1.2 and 1.3 only.

pub mod client;
pub mod server;
pub mod subject;

mod error;
mod key;
mod pem;

pub use error::Error;
pub use key::Passphrase;
