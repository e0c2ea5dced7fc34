//! Numbers that look like chance, from numbers that don't: enough to spread work, not to keep a secret.

/// Makes consecutive numbers look like chance (SplitMix64).
pub(super) fn scatter(n: u64) -> u64 {
    let n = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// The same as a share, from 0 up to but not including 1.
pub(super) fn share(n: u64) -> f64 {
    (scatter(n) >> 11) as f64 / (1u64 << 53) as f64
}
