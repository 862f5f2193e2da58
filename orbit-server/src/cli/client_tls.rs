//! TLS for the commands that ask a node: TLS 1.3 to a certificate that is checked, or
//! none at all. Nothing in between is offered.

use super::Failure;
use super::client::Connect;
use orbit_core::{Error, state};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What a client needs to speak TLS; `None`: the command line asks for none.
pub fn of(to: &Connect) -> Result<Option<MakeRustlsConnect>, Failure> {
    let Some(authority) = &to.tls_ca else {
        return match (&to.tls_cert, &to.tls_key) {
            (None, None) => Ok(None),
            _ => Err(usage("--tls-cert and --tls-key need --tls-ca".to_owned())),
        };
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authority)? {
        roots
            .add(certificate)
            .map_err(|error| unusable(authority, &error))?;
    }
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| usage(error.to_string()))?
            .with_root_certificates(roots);
    let config = match (&to.tls_cert, &to.tls_key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let secret =
                PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
            builder
                .with_client_auth_cert(certificates(certificate)?, secret)
                .map_err(|error| unusable(certificate, &error))?
        }
        _ => return Err(usage("--tls-cert and --tls-key come together".to_owned())),
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    usage(format!("{}: {error}", path.display()))
}

fn usage(message: String) -> Failure {
    Failure::Usage(Error::new(state::INVALID_PARAMETER_VALUE, message))
}
