//! The certificate a node makes for itself on its first start. It proves nothing
//! by itself; a client that was given a copy of it (`sslrootcert`) knows the node again.

use orbit_core::{Error, Result};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The node's certificate and its key, made if they aren't there.
pub fn ensure(directory: &Path, names: &[String]) -> Result<(PathBuf, PathBuf)> {
    let directory = directory.join("tls");
    let (certificate, key) = (directory.join("server.crt"), directory.join("server.key"));
    if certificate.exists() && key.exists() {
        return Ok((certificate, key));
    }
    let failed = |error: rcgen::Error| Error::internal(format!("making a certificate: {error}"));
    fs::create_dir_all(&directory)?;
    // ECDSA over P-256, signed with SHA-256: what every client can bind a channel to.
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "Orbit node");
    params.distinguished_name = subject;
    let signed = params.self_signed(&pair).map_err(failed)?;
    // The key first: a certificate without its key would be taken for a whole pair.
    write(&key, pair.serialize_pem().as_bytes(), 0o600)?;
    write(&certificate, signed.pem().as_bytes(), 0o644)?;
    File::open(&directory)?.sync_all()?;
    Ok((certificate, key))
}

/// Whole or not at all, and never for a moment with wider rights than `mode`.
fn write(file: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let draft = file.with_extension("new");
    let _ = fs::remove_file(&draft);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut out = options.open(&draft)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&draft, file)?;
    Ok(())
}

/// The node's secret of 32 bytes, made on the first start: made-up salts come from it.
pub fn secret(directory: &Path) -> Result<Vec<u8>> {
    use ring::rand::SecureRandom;
    let file = directory.join("auth-secret");
    match fs::read(&file) {
        Ok(bytes) if bytes.len() == 32 => return Ok(bytes),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let mut bytes = vec![0; 32];
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::internal("the system gives no random numbers"))?;
    write(&file, &bytes, 0o600)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_made_once_and_its_key_is_for_the_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let (certificate, key) = ensure(directory.path(), &names).unwrap();
        let first = fs::read(&certificate).unwrap();
        assert!(first.starts_with(b"-----BEGIN CERTIFICATE-----"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&key).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        ensure(directory.path(), &names).unwrap();
        assert_eq!(fs::read(&certificate).unwrap(), first);
        fs::remove_file(&key).unwrap();
        ensure(directory.path(), &names).unwrap();
        assert_ne!(fs::read(&certificate).unwrap(), first);
        assert_eq!(
            secret(directory.path()).unwrap(),
            secret(directory.path()).unwrap()
        );
    }
}
