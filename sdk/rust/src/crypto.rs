//! Hashes, authentication codes, signatures and random bytes, at the node's speed, and the texts that stand for bytes.

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

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bytes in base64url without padding, as tokens and signed URLs have them (RFC 4648, section 5).
pub fn base64url(b: impl AsRef<[u8]>) -> String {
    let mut text = String::new();
    let (mut v, mut bits) = (0u32, 0);
    for c in b.as_ref() {
        v = v << 8 | u32::from(*c);
        bits += 8;
        while bits >= 6 {
            bits -= 6;
            text.push(BASE64URL[(v >> bits & 63) as usize] as char);
        }
    }
    if bits > 0 {
        text.push(BASE64URL[(v << (6 - bits) & 63) as usize] as char);
    }
    text
}

/// The bytes for which a text in base64url without padding stands; `None` if it is none. No two texts stand for the same bytes.
pub fn from_base64url(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    let mut b = Vec::new();
    let (mut v, mut bits) = (0u32, 0);
    for c in text.as_ref() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        v = v << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            b.push((v >> bits) as u8);
        }
    }
    if bits >= 6 || v & ((1 << bits) - 1) != 0 {
        return None;
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_there_and_back() {
        // The test vectors of RFC 4648, section 10, without padding.
        for (b, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy")] {
            assert_eq!((base64url(b).as_str(), from_base64url(text).as_deref()), (text, Some(b.as_bytes())));
        }
        let all: Vec<u8> = (0..=255).collect();
        for len in 0..all.len() {
            assert_eq!(from_base64url(base64url(&all[len..])).as_deref(), Some(&all[len..]));
        }
        assert_eq!(base64url([0xfb, 0xff]), "-_8");
        for text in ["Zg==", "Zh", "Z", "Zm9vY", "+_8", "/w", "Zg\n", "ä"] {
            assert_eq!(from_base64url(text), None, "{}", text);
        }
    }
}
