//! A hash of a text that is the same in every build, unlike the standard library's.

/// FNV-1a, 64 bits: tells one version of a file from the next. Not for what somebody may want to forge.
#[must_use]
pub fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
