//! What is embedded.

/// One embedded file and where it is served.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Path of the request.
    pub(crate) address: &'static str,
    /// Value of `Content-Type`.
    pub(crate) media_type: &'static str,
    /// Value of `ETag`: a strong validator, made from the content.
    pub(crate) tag: &'static str,
    /// The file.
    pub(crate) content: &'static [u8],
}

/// Everything that is served, collected by the build script.
const ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

impl Asset {
    /// The asset served at `path`.
    pub(crate) fn at(path: &str) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| asset.address == path)
    }
}
