//! ZIP archives, as far as artifacts need them: whole files, stored or deflated.
//!
//! What an archive says about itself is not believed: sizes are bounded, places are checked, and each file's checksum must
//! be right.

use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// The largest file that is unpacked.
const MOST: usize = 16 << 20;

/// Why an archive can't be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ArchiveError {
    /// It is none, or is cut off.
    #[error("it is no archive")]
    NoArchive,
    /// A file of it is packed in a way that is not known here.
    #[error("a file is packed in an unknown way")]
    UnknownMethod,
    /// A file is larger than any that is expected, or not what its checksum says.
    #[error("a file is not what it says it is")]
    Damaged,
    /// There is no such file.
    #[error("a file is missing")]
    Missing,
}

/// A file of an archive.
pub fn file(archive: &[u8], name: &str) -> Result<Vec<u8>, ArchiveError> {
    let (mut at, count) = directory(archive)?;
    for _ in 0..count {
        let entry = Entry::read(archive, at)?;
        if entry.name == name.as_bytes() {
            return entry.unpack(archive);
        }
        at = entry.next;
    }
    Err(ArchiveError::Missing)
}

/// Where the directory begins, and how many files it has.
fn directory(archive: &[u8]) -> Result<(usize, usize), ArchiveError> {
    // The end of the directory is found from behind: 22 bytes and a comment.
    let end =
        archive.windows(22).rposition(|window| window.starts_with(b"PK\x05\x06")).ok_or(ArchiveError::NoArchive)?;
    Ok((number(archive, end + 16, 4)?, number(archive, end + 10, 2)?))
}

struct Entry<'a> {
    name: &'a [u8],
    method: usize,
    checksum: usize,
    packed: usize,
    size: usize,
    local: usize,
    next: usize,
}

impl<'a> Entry<'a> {
    fn read(archive: &'a [u8], at: usize) -> Result<Self, ArchiveError> {
        let field = |offset: usize, length: usize| number(archive, at.saturating_add(offset), length);
        if part(archive, at, 4)? != b"PK\x01\x02" {
            return Err(ArchiveError::NoArchive);
        }
        let (name, extra, comment) = (field(28, 2)?, field(30, 2)?, field(32, 2)?);
        Ok(Self {
            name: part(archive, at.saturating_add(46), name)?,
            method: field(10, 2)?,
            checksum: field(16, 4)?,
            packed: field(20, 4)?,
            size: field(24, 4)?,
            local: field(42, 4)?,
            next: at.saturating_add(46 + name + extra + comment),
        })
    }

    fn unpack(&self, archive: &[u8]) -> Result<Vec<u8>, ArchiveError> {
        if self.size > MOST {
            return Err(ArchiveError::Damaged);
        }
        let (name, extra) = (number(archive, self.local + 26, 2)?, number(archive, self.local + 28, 2)?);
        let packed = part(archive, self.local + 30 + name + extra, self.packed)?;
        let bytes = match self.method {
            0 => packed.to_vec(),
            8 => decompress_to_vec_with_limit(packed, self.size).map_err(|_| ArchiveError::Damaged)?,
            _ => return Err(ArchiveError::UnknownMethod),
        };
        let right = bytes.len() == self.size && usize::try_from(crc32(&bytes)).is_ok_and(|crc| crc == self.checksum);
        if right { Ok(bytes) } else { Err(ArchiveError::Damaged) }
    }
}

fn part(archive: &[u8], at: usize, length: usize) -> Result<&[u8], ArchiveError> {
    archive.get(at..at.saturating_add(length)).ok_or(ArchiveError::NoArchive)
}

fn number(archive: &[u8], at: usize, length: usize) -> Result<usize, ArchiveError> {
    Ok(part(archive, at, length)?.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of one deflated file and one stored, made by Python.
    const ARCHIVE: &str = "\
        504b03041400000008000000210086a6103607000000050000000100000061cb48cdc9c90700504b03041400000000000000 \
        2100ac2a93d8020000000200000001000000626869504b010214031400000008000000210086a61036070000000500000001 \
        000000000000000000000080010000000061504b0102140314000000000000002100ac2a93d8020000000200000001000000 \
        000000000000000080012600000062504b050600000000020002005e000000470000000000";

    fn archive() -> Vec<u8> {
        hex::decode(ARCHIVE.split_whitespace().collect::<String>()).unwrap()
    }

    #[test]
    fn a_file_is_found_by_name() {
        assert_eq!(file(&archive(), "a").unwrap(), b"hello");
        assert_eq!(file(&archive(), "b").unwrap(), b"hi");
        assert_eq!(file(&archive(), "c"), Err(ArchiveError::Missing));
    }

    #[test]
    fn no_damage_goes_unnoticed_and_none_panics() {
        let whole = archive();
        for end in 0..whole.len() {
            assert!(file(&whole[..end], "a").is_err(), "cut off at {end}");
        }
        for position in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[position] ^= 0x41;
            assert!(file(&damaged, "a").map_or(true, |bytes| bytes == b"hello"), "damaged at {position}");
        }
    }
}
