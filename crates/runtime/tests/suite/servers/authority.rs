//! Certificates for servers under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A certificate authority with a folder of its own.
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let subject = ["-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"];
        openssl(folder.path(), &[&["req", "-x509", "-nodes", "-newkey", "rsa:2048"], &subject[..]].concat());
        Self { folder }
    }

    /// The file of its certificate.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Its certificate.
    pub fn root_text(&self) -> String {
        fs::read_to_string(self.root()).unwrap()
    }

    /// Issues a certificate for a name (`DNS:…` or `IP:…`); the files of certificate and key, in `folder`.
    pub fn issue(&self, name: &str, folder: &Path) -> (PathBuf, PathBuf) {
        let at = self.folder.path();
        openssl(
            at,
            &["req", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=server", "-keyout", "key", "-out", "request"],
        );
        fs::write(at.join("extensions"), format!("subjectAltName={name}")).unwrap();
        let signing = ["x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        openssl(at, &[&signing[..], &["-days", "2", "-extfile", "extensions", "-out", "certificate"]].concat());
        let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
        fs::copy(at.join("certificate"), &certificate).unwrap();
        fs::copy(at.join("key"), &key).unwrap();
        (certificate, key)
    }
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let quiet = Command::new("openssl").args(arguments).current_dir(folder).stderr(Stdio::null()).status();
    assert!(quiet.unwrap().success(), "openssl {arguments:?}");
}
