//! An issuer of tokens: one RSA key, published over HTTP.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::rngs::SysRng;
use rsa::PrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::traits::PublicKeyParts;
use serde_json::json;

/// Its name.
pub const ISSUER: &str = "https://issuer.of.the.benchmark.example";

/// Whom its tokens are for.
pub const AUDIENCE: &str = "hubline";

/// The size of its key, in bits, which is that of most issuers.
const BITS: usize = 2048;

/// An issuer that publishes its key for as long as this process runs.
pub struct Issuer {
    /// Where its key set is.
    pub keys: String,
    /// Where its private key is, for whoever signs in its name.
    pub rsa_key: PathBuf,
}

impl Issuer {
    /// Makes a key, puts it into a file of this folder, and publishes it.
    ///
    /// # Errors
    /// The file can't be written, or no address can be listened at.
    pub fn start(folder: &Path) -> Result<Self> {
        let key = PrivateKey::new(&mut SysRng, BITS)?;
        let rsa_key = folder.join("issuer.der");
        fs::write(&rsa_key, key.to_pkcs8_der()?.as_bytes())
            .with_context(|| format!("{} can't be written", rsa_key.display()))?;
        let [n, e] = [key.n_bytes(), key.e_bytes()].map(|number| URL_SAFE_NO_PAD.encode(number));
        let jwk = json!({"kty": "RSA", "use": "sig", "kid": "load", "n": n, "e": e});
        let document = json!({ "keys": [jwk] }).to_string();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let keys = format!("http://{}/keys", listener.local_addr()?);
        thread::Builder::new().name("issuer".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever asks and goes away has to ask again.
                drop(answer(stream, &document));
            }
        })?;
        Ok(Self { keys, rsa_key })
    }
}

/// Answers one request, whatever it is.
fn answer(mut stream: std::net::TcpStream, document: &str) -> Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let length = document.len();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{document}")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_publishes_what_its_private_key_belongs_to() {
        let folder = tempfile::tempdir().unwrap();
        let issuer = Issuer::start(folder.path()).unwrap();
        let address = issuer.keys.strip_prefix("http://").unwrap().strip_suffix("/keys").unwrap();
        let keys = crate::http::get(address.parse().unwrap(), "/keys").unwrap();
        identity::check_jwks(&keys).unwrap();
        assert!(fs::read(&issuer.rsa_key).unwrap().len() > 1_000);
    }
}
