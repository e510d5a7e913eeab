//! Chance that is handed in.

use std::fmt;

use rsa::rand_core::{CryptoRng, Error, RngCore, impls};
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

impl RngCore for Entropy {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::new().chain_update(self.seed).chain_update(self.block.to_be_bytes()).finalize();
            self.block = self.block.wrapping_add(1);
            for (byte, random) in chunk.iter_mut().zip(block) {
                *byte = random;
            }
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Entropy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_and_does_not_repeat() {
        let (mut a, mut b) = (Entropy::from([1; 32]), Entropy::from([2; 32]));
        let numbers = [a.next_u64(), a.next_u64(), b.next_u64(), b.next_u64()];
        let distinct: std::collections::BTreeSet<_> = numbers.iter().collect();
        assert_eq!(distinct.len(), 4);
        let mut bytes = [0; 70];
        a.fill_bytes(&mut bytes);
        assert!(bytes.chunks(7).all(|chunk| chunk != [0; 7]));
    }
}
