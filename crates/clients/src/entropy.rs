//! Chance that is handed in.

use std::{convert::Infallible, fmt};

use crypto_box::aead::rand_core as sealing;
use rsa::rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

/// 32 random bytes, which the caller has drawn for this one use. What is needed of them is made with SHA-256.
pub struct Entropy {
    seed: [u8; 32],
    block: u64,
}

impl From<[u8; 32]> for Entropy {
    fn from(seed: [u8; 32]) -> Self {
        Self { seed, block: 0 }
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

impl Entropy {
    fn draw(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::new().chain_update(self.seed).chain_update(self.block.to_be_bytes()).finalize();
            self.block = self.block.wrapping_add(1);
            for (byte, random) in chunk.iter_mut().zip(block) {
                *byte = random;
            }
        }
    }

    fn word<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.draw(&mut bytes);
        bytes
    }
}

/// What signing with RSA asks for.
impl TryRng for Entropy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.word()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.word()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.draw(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Entropy {}

/// What sealing asks for, which knows an earlier form of the same.
impl sealing::RngCore for Entropy {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.word())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.word())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.draw(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), sealing::Error> {
        self.draw(bytes);
        Ok(())
    }
}

impl sealing::CryptoRng for Entropy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_and_does_not_repeat() {
        let (mut a, mut b) = (Entropy::from([1; 32]), Entropy::from([2; 32]));
        let numbers: [[u8; 8]; 4] = [a.word(), a.word(), b.word(), b.word()];
        let distinct: std::collections::BTreeSet<_> = numbers.iter().collect();
        assert_eq!(distinct.len(), 4);
        let mut bytes = [0; 70];
        a.draw(&mut bytes);
        assert!(bytes.chunks(7).all(|chunk| chunk != [0; 7]));
    }
}
