//! What a function must not do.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// How many calls this instance has had.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Tells how often this instance was asked.
pub fn count() -> String {
    (COUNT.fetch_add(1, Relaxed) + 1).to_string()
}

/// Traps.
pub fn trap() -> ! {
    std::process::abort()
}

/// Never gives its thread back.
pub fn spin_for_ever() -> ! {
    loop {
        std::hint::black_box(COUNT.load(Relaxed));
    }
}

/// Computes for so long.
pub fn compute(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::black_box(COUNT.load(Relaxed));
    }
}

/// Takes all the memory there is, and more.
pub fn hog() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&hoard);
    }
}
