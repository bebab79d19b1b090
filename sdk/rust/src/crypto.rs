//! Hashes, authentication codes, signatures and random bytes, at the node's speed.

use crate::error::{check, Result};
use crate::raw::{self, HashFunction, Signature, Status};

fn sized(what: &str, name: &str, f: impl FnOnce(&mut [u8]) -> i32) -> Result<Vec<u8>> {
    let mut to = vec![0; 64]; // the longest
    let n = check(f(&mut to), what, name)?;
    to.truncate(n as usize);
    Ok(to)
}

/// The hash of data.
pub fn hash(function: HashFunction, data: impl AsRef<[u8]>) -> Result<Vec<u8>> {
    sized("hash", "", |to| raw::hash(function, data.as_ref(), to))
}

/// The authentication code of data (RFC 2104).
pub fn hmac(function: HashFunction, key: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Result<Vec<u8>> {
    sized("hmac", "", |to| raw::hmac(function, key.as_ref(), data.as_ref(), to))
}

/// [`hmac`] with the binding's secret of that name as the key, which then never enters the function's memory.
pub fn hmac_secret(function: HashFunction, secret: &str, data: impl AsRef<[u8]>) -> Result<Vec<u8>> {
    sized("hmac with secret", secret, |to| raw::hmac_secret(function, secret.as_bytes(), data.as_ref(), to))
}

/// Whether both are equal, in a time that depends on their lengths only. Compare what authenticates with it, never with `==`.
pub fn equal(a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> bool {
    raw::equal(a.as_ref(), b.as_ref()) == 1
}

/// Whether the signature of data is right. The key is a SubjectPublicKeyInfo in DER or PEM form.
pub fn verify(kind: Signature, key: &[u8], data: &[u8], signature: &[u8]) -> Result<bool> {
    Ok(check(raw::verify(kind, key, data, signature), "verify", "")? == 1)
}

/// Fills `to` with random bytes that nobody can guess.
pub fn random(to: &mut [u8]) -> Result {
    for part in to.chunks_mut(65536) {
        let n = check(raw::random(part), "random", "")?;
        if n as usize != part.len() {
            check(Status::Io as i32, "random", "")?;
        }
    }
    Ok(())
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(b: impl AsRef<[u8]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    b.as_ref().iter().flat_map(|c| [DIGITS[(c >> 4) as usize] as char, DIGITS[(c & 15) as usize] as char]).collect()
}
