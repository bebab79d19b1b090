//! A fast generator of random numbers that is seeded anew for each exchange. The node may put an instance's memory back to what it was after
//! initialisation: what a generator of one's own was seeded with there repeats itself in each exchange. So does the order of a `HashMap`, which is the
//! same in all of them on this target. Nobody's safety may hang on these numbers: for that there is [`crate::crypto::random`].

use crate::raw;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static STATE: AtomicU64 = AtomicU64::new(0);

/// Seeds the generator. The node's call after each reset does it.
pub fn reseed() {
    STATE.store(raw::seed() as u64 | 1, Relaxed);
}

/// A random number: a step of splitmix64.
pub fn u64() -> u64 {
    if STATE.load(Relaxed) == 0 {
        reseed();
    }
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = STATE.fetch_add(GOLDEN, Relaxed).wrapping_add(GOLDEN);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// A random number from 0 up to, not including, n; 0 if n is 0.
pub fn below(n: u64) -> u64 {
    ((u64() as u128 * n as u128) >> 64) as u64
}
