//! Loopback ports.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use crate::{Error, secret};

/// The port kept in a file, when there is one.
pub(crate) fn kept(path: &Path) -> Option<u16> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Chooses a free port and keeps it in a file: the one of last time when nobody took it, so that addresses stay.
pub(crate) fn choose(path: &Path) -> Result<u16, Error> {
    if let Some(port) = kept(path)
        && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    {
        return Ok(port);
    }
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let port = free.map_err(Error::file(path))?.port();
    secret::write(path, &port.to_string())?;
    Ok(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_stays_while_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("port");
        let port = choose(&path).unwrap();
        assert_eq!(choose(&path).unwrap(), port);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_ne!(choose(&path).unwrap(), port);
    }
}
