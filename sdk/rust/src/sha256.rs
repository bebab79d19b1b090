//! SHA-256 (FIPS 180-4) and its HMAC (RFC 2104), plainly: for the node of unit tests, which has none of the real node's speed.

/// The hash of data.
pub fn hash(data: &[u8]) -> [u8; 32] {
    let primes: Vec<u128> = (2..312).filter(|n| (2..*n).all(|d| n % d != 0)).collect();
    // "the first thirty-two bits of the fractional parts of the square roots of the first eight prime numbers"
    let mut state: Vec<u32> = primes[..8].iter().map(|p| root(*p << 64, 2)).collect();
    // "… of the cube roots of the first sixty-four prime numbers"
    let k: Vec<u32> = primes[..64].iter().map(|p| root(*p << 96, 3)).collect();

    let mut padded = data.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&(data.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut w: Vec<u32> = block.chunks(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect();
        for t in 16..64 {
            let (x, y) = (w[t - 15], w[t - 2]);
            let a = x.rotate_right(7) ^ x.rotate_right(18) ^ x >> 3;
            let b = y.rotate_right(17) ^ y.rotate_right(19) ^ y >> 10;
            w.push(w[t - 16].wrapping_add(a).wrapping_add(w[t - 7]).wrapping_add(b));
        }
        let mut s = state.clone();
        for t in 0..64 {
            let (a, e) = (s[0], s[4]);
            let choice = e & s[5] ^ !e & s[6];
            let majority = a & s[1] ^ a & s[2] ^ s[1] & s[2];
            let one = (e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25)).wrapping_add(s[7]).wrapping_add(choice).wrapping_add(k[t]).wrapping_add(w[t]);
            let two = (a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22)).wrapping_add(majority);
            s.rotate_right(1);
            s[4] = s[4].wrapping_add(one);
            s[0] = one.wrapping_add(two);
        }
        for (sum, v) in state.iter_mut().zip(s) {
            *sum = sum.wrapping_add(v);
        }
    }
    let mut digest = [0; 32];
    for (to, v) in digest.chunks_mut(4).zip(state) {
        to.copy_from_slice(&v.to_be_bytes());
    }
    digest
}

/// The lower 32 bits of the whole root of n.
fn root(n: u128, power: u32) -> u32 {
    let mut r: u128 = 0;
    for bit in (0..37).rev() {
        if (r | 1 << bit).pow(power) <= n {
            r |= 1 << bit;
        }
    }
    r as u32
}

/// The authentication code of data.
pub fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&hash(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let keyed = |pad: u8, text: &[u8]| hash(&[&block.map(|b| b ^ pad)[..], text].concat());
    keyed(0x5c, &keyed(0x36, data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hex;

    #[test]
    fn known_answers() {
        // FIPS 180-4's examples, and RFC 4231's test cases 2 and 6.
        let f = |got: [u8; 32], want: &str| assert_eq!(hex(got), want);
        f(hash(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        f(hash(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        f(hash(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        f(hmac(b"Jefe", b"what do ya want for nothing?"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        f(hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}
