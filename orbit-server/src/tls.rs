//! TLS 1.3 for the PostgreSQL and gRPC ports: the node's certificate, given or its own,
//! and what a client's certificate says.
//!
//! Nothing older is spoken and nothing falls back: a listener that serves beyond
//! loopback has this or doesn't start. There are no session tickets, so every
//! connection shows its certificate anew.

mod end_point;
mod own;
mod subject;

pub use own::secret;

use orbit_core::{Error, Result, state};
use orbit_edge::config;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What a listener needs to speak TLS.
pub struct Tls {
    acceptor: TlsAcceptor,
    /// The same for gRPC, whose clients ask for another protocol within it.
    grpc_acceptor: TlsAcceptor,
    end_point: Option<Vec<u8>>,
    verifies_clients: bool,
    /// Where the certificate is, for the operator's eyes.
    pub certificate: PathBuf,
    pub is_own: bool,
}

impl Tls {
    /// The certificate of the configuration, or the node's own from `directory`,
    /// made there if this is the first start.
    pub fn load(config: &config::Tls, directory: &Path, names: &[String]) -> Result<Tls> {
        let (certificate, key, is_own) = match (&config.certificate, &config.key) {
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone(), false),
            (None, None) => {
                let (certificate, key) = own::ensure(directory, names)?;
                (certificate, key, true)
            }
            (Some(_), None) => return Err(half("tls.certificate", "tls.key")),
            (None, Some(_)) => return Err(half("tls.key", "tls.certificate")),
        };
        let chain = certificates(&certificate, "tls.certificate")?;
        private(&key)?;
        let secret = PrivateKeyDer::from_pem_file(&key)
            .map_err(|error| unreadable("tls.key", &key, &error))?;
        let end_point = chain.first().and_then(|leaf| end_point::hash(leaf));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| broken("TLS 1.3", &error))?;
        let builder = match &config.authority {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                for root in certificates(authority, "tls.authority")? {
                    roots
                        .add(root)
                        .map_err(|error| broken("tls.authority", &error))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        // Who shows none may still have a password; who needs one is refused later.
                        .allow_unauthenticated()
                        .build()
                        .map_err(|error| broken("tls.authority", &error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut server = builder
            .with_single_cert(chain, secret)
            .map_err(|error| broken("tls.certificate and tls.key", &error))?;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        let mut for_grpc = server.clone();
        for_grpc.alpn_protocols = vec![b"h2".to_vec()];
        server.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Tls {
            grpc_acceptor: TlsAcceptor::from(Arc::new(for_grpc)),
            acceptor: TlsAcceptor::from(Arc::new(server)),
            end_point,
            verifies_clients: config.authority.is_some(),
            certificate,
            is_own,
        })
    }

    pub async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }

    /// As [`Tls::accept`], for a client of gRPC.
    pub async fn accept_grpc(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.grpc_acceptor.accept(stream).await
    }

    /// What channel binding binds to; `None` where the standard names no hash for the certificate.
    pub fn end_point(&self) -> Option<&[u8]> {
        self.end_point.as_deref()
    }

    /// Whether a client's certificate, if it shows one, has been checked.
    pub fn verifies_clients(&self) -> bool {
        self.verifies_clients
    }
}

/// The common name of the certificate that this client has proved to hold.
pub fn client_name(stream: &TlsStream<TcpStream>) -> Option<String> {
    let (_, connection) = stream.get_ref();
    let leaf = connection.peer_certificates()?.first()?;
    let certificate = webpki::EndEntityCert::try_from(leaf).ok()?;
    subject::common_name(certificate.subject())
}

fn certificates(file: &Path, key: &str) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(key, file, &error))?;
    if read.is_empty() {
        return Err(Error::new(
            state::CONFIG_FILE_ERROR,
            format!("{key}: {} holds no certificate", file.display()),
        )
        .with_hint("It must be PEM: -----BEGIN CERTIFICATE-----"));
    }
    Ok(read)
}

/// Refuses a key that others on this machine can read.
fn private(key: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let about = std::fs::metadata(key).map_err(|error| unreadable("tls.key", key, &error))?;
        // As PostgreSQL: root's own may be readable by a group.
        let forbidden = if about.uid() == 0 { 0o027 } else { 0o077 };
        if about.mode() & forbidden != 0 {
            return Err(Error::new(
                state::CONFIG_FILE_ERROR,
                format!(
                    "private key file \"{}\" has group or world access",
                    key.display()
                ),
            )
            .with_hint(format!("Run: chmod 600 {}", key.display())));
        }
    }
    Ok(())
}

fn half(given: &str, missing: &str) -> Error {
    Error::new(
        state::CONFIG_FILE_ERROR,
        format!("{given} is set and {missing} is not"),
    )
    .with_hint("Set both, or neither: then the node makes a certificate of its own.")
}

fn unreadable(key: &str, file: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(
        state::CONFIG_FILE_ERROR,
        format!("{key}: cannot read {}: {error}", file.display()),
    )
}

fn broken(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(
        state::CONFIG_FILE_ERROR,
        format!("{what} cannot be used: {error}"),
    )
}
