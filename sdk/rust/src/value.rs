/// A value of the node. The first try is into a buffer on the stack, in which nearly all values fit; what does not is asked for again, and the node
/// answers the same as before. The error is the result below zero.
pub(crate) fn value(mut ask: impl FnMut(&mut [u8]) -> i32) -> Result<Vec<u8>, i32> {
    let mut buffer = [0; 256];
    let mut n = ask(&mut buffer);
    if n < 0 {
        return Err(n);
    }
    if n as usize <= buffer.len() {
        return Ok(buffer[..n as usize].to_vec());
    }
    loop {
        let mut larger = vec![0; n as usize];
        let m = ask(&mut larger);
        if m < 0 {
            return Err(m);
        }
        if m <= n {
            larger.truncate(m as usize);
            return Ok(larger);
        }
        n = m;
    }
}

/// A value as a text. What is no UTF-8 becomes U+FFFD.
pub(crate) fn text(ask: impl FnMut(&mut [u8]) -> i32) -> Result<String, i32> {
    value(ask).map(string)
}

/// Bytes as a text.
pub(crate) fn string(b: Vec<u8>) -> String {
    match String::from_utf8(b) {
        Ok(s) => s,
        Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
    }
}

/// A little-endian number at a place; `None` behind the end.
pub(crate) fn u32_at(b: &[u8], at: usize) -> Option<u32> {
    let mut n = [0; 4];
    n.copy_from_slice(b.get(at..at.checked_add(4)?)?);
    Some(u32::from_le_bytes(n))
}

pub(crate) fn u64_at(b: &[u8], at: usize) -> Option<u64> {
    Some(u32_at(b, at)? as u64 | (u32_at(b, at + 4)? as u64) << 32)
}

/// The pairs of a list as the node writes it.
pub(crate) fn pairs(list: &[u8]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut rest = list;
    while let (Some(n), Some(v)) = (u32_at(rest, 0), u32_at(rest, 4)) {
        let (n, v) = (n as usize, v as usize);
        let body = &rest[8..];
        if n > body.len() || v > body.len() - n {
            break;
        }
        all.push((string(body[..n].to_vec()), string(body[n..n + v].to_vec())));
        rest = &body[n + v..];
    }
    all
}

/// A list of pairs as the node reads it.
pub(crate) fn packed(list: &[(&str, &str)]) -> Vec<u8> {
    let mut b = Vec::new();
    for (name, value) in list {
        b.extend_from_slice(&(name.len() as u32).to_le_bytes());
        b.extend_from_slice(&(value.len() as u32).to_le_bytes());
        b.extend_from_slice(name.as_bytes());
        b.extend_from_slice(value.as_bytes());
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_any_length() {
        for len in [0, 1, 255, 256, 257, 5000] {
            let from: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let mut calls = 0;
            let got = value(|to| {
                calls += 1;
                if to.len() >= from.len() {
                    to[..from.len()].copy_from_slice(&from);
                }
                from.len() as i32
            });
            assert_eq!(got.as_ref(), Ok(&from));
            assert_eq!(calls, if len > 256 { 2 } else { 1 });
        }
        assert_eq!(value(|_| -3), Err(-3));
    }

    #[test]
    fn pairs_there_and_back() {
        let list = [("a", "b"), ("", ""), ("name", "ä")];
        let got = pairs(&packed(&list));
        assert_eq!(got.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>(), list);
        let b = packed(&list);
        for cut in 0..b.len() {
            assert!(pairs(&b[..cut]).len() < 3);
        }
        assert!(pairs(&[255; 20]).is_empty());
    }
}
