//! The servers under measurement, each with the same device, and the client's side of TLS.

use std::io;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use husk_tests::rig::{Scratch, Server, Which, wait_until};
use husk_tests::tool::Wire;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// What all requests are about.
pub(crate) const UPS: &str = "lab";
/// Variables the device's file has; what the servers add about the driver makes it about 60.
const VARIABLES: usize = 47;

/// Starts a server with the device, and TLS where it can be had.
pub(crate) fn start(which: Which) -> io::Result<Server> {
    let dir = Scratch::new("bench")?;
    dir.write(
        "ups.conf",
        "[lab]\n  driver = dummy-ups\n  port = lab.dev\n  mode = dummy-once\n",
    )?;
    dir.write(
        "upsd.users",
        "[admin]\n  password = bench\n  actions = SET\n",
    )?;
    let mut device = String::from("ups.status: OL\nups.id: before\nbattery.charge: 97\n");
    for outlet in 1..=VARIABLES - 3 {
        device += &format!("outlet.{outlet}.desc: the outlet with number {outlet}\n");
    }
    dir.write("lab.dev", &device)?;
    // 1,000 clients and a few for those who watch.
    let mut conf = String::from("MAXCONN 1100\n");
    match which {
        Which::Husk => conf += &format!("CERTFILE {}\n", certificate("unsafe.server.pem")),
        Which::Incumbent if database(&dir).is_ok() => {
            let path = dir.path().display();
            conf += &format!(
                "CERTPATH {path}\nCERTIDENT server \"\"\nCERTREQUEST 0\nDISABLE_WEAK_SSL true\n"
            );
        }
        Which::Incumbent => {}
    }
    dir.write("upsd.conf", &conf)?;
    let server = Server::start(which, dir, &[UPS])?;
    let mut wire = Wire::connect(server.port)?;
    wait_until(Duration::from_secs(20), || {
        wire.value(UPS, "ups.status")
            .is_ok_and(|value| value == "OL")
    })?;
    Ok(server)
}

/// Whether the server answers STARTTLS.
pub(crate) fn offers_tls(server: &Server) -> bool {
    let reply = Wire::connect(server.port).and_then(|mut wire| wire.ask("STARTTLS"));
    reply.is_ok_and(|reply| reply == "OK STARTTLS")
}

/// A client that verifies the test CA.
pub(crate) fn client() -> io::Result<Arc<ClientConfig>> {
    let mut roots = rustls::RootCertStore::empty();
    let authorities = CertificateDer::pem_file_iter(certificate("ca.pem"));
    for authority in authorities.map_err(io::Error::other)? {
        let authority = authority.map_err(io::Error::other)?;
        roots.add(authority).map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    // Every connection pays for its own handshake.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

fn certificate(name: &str) -> String {
    husk_tests::root()
        .join("certs")
        .join(name)
        .display()
        .to_string()
}

/// Debian's upsd wants its certificate in an NSS database.
fn database(dir: &Scratch) -> io::Result<()> {
    let path = dir.path().display();
    let script = format!(
        "certutil -N -d {path} --empty-password && certutil -A -d {path} -n ca -t CT,C,C -i {ca} && \
         openssl pkcs12 -export -name server -passout pass: -in {pem} -inkey {pem} -out {path}/server.p12 && \
         pk12util -i {path}/server.p12 -d {path} -W '' -K ''",
        ca = certificate("ca.pem"),
        pem = certificate("unsafe.server.pem"),
    );
    let done = Command::new("sh").args(["-ec", &script]).output()?;
    if done.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&done.stderr)))
}
