import * as raw from "./raw";
import { HashFunction, Signature } from "./raw";
import { check } from "./failure";
import { address, utf8 } from "./memory";

/** The hash of data, at the node's speed. */
export function hash(f: HashFunction, data: Uint8Array): Uint8Array {
  const to = new Uint8Array(64);
  return to.subarray(0, check(raw.hash(f, data.dataStart, data.byteLength, to.dataStart, 64), "hash", ""));
}

/** The authentication code of data (RFC 2104). */
export function hmac(f: HashFunction, key: Uint8Array, data: Uint8Array): Uint8Array {
  const to = new Uint8Array(64);
  return to.subarray(0, check(raw.hmac(f, key.dataStart, key.byteLength, data.dataStart, data.byteLength, to.dataStart, 64), "hmac", ""));
}

/** hmac with the binding's secret of that name as the key, which then never enters the function's memory. */
export function hmacSecret(f: HashFunction, secret: string, data: Uint8Array): Uint8Array {
  const k = utf8(secret);
  const to = new Uint8Array(64);
  return to.subarray(0, check(raw.hmacSecret(f, address(k), k.byteLength, data.dataStart, data.byteLength, to.dataStart, 64), "hmac with secret", secret));
}

/** Whether both are equal, in a time that depends on their lengths only. Compare what authenticates with it, never with ==. */
export function sameSecret(a: Uint8Array, b: Uint8Array): bool {
  return raw.equal(a.dataStart, a.byteLength, b.dataStart, b.byteLength) == 1;
}

/** Whether the signature of data is right. The key is a SubjectPublicKeyInfo in DER or PEM form. */
export function verify(kind: Signature, key: Uint8Array, data: Uint8Array, signature: Uint8Array): bool {
  return check(raw.verify(kind, key.dataStart, key.byteLength, data.dataStart, data.byteLength, signature.dataStart, signature.byteLength), "verify", "") == 1;
}

/** Random bytes that nobody can guess. */
export function randomBytes(length: i32): Uint8Array {
  const b = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    at += check(raw.random(b.dataStart + at, min(length - at, 65536)), "random", "");
  }
  return b;
}

/** The bytes of a text, as UTF-8. */
export function encode(s: string): Uint8Array {
  return Uint8Array.wrap(utf8(s));
}

/** The text of bytes that are UTF-8. */
export function decode(b: Uint8Array): string {
  return String.UTF8.decodeUnsafe(b.dataStart, b.byteLength);
}

/** Bytes as lower-case hexadecimal digits. */
export function hex(b: Uint8Array): string {
  const text = new Uint8Array(2 * b.length);
  for (let i = 0; i < b.length; i++) {
    const high = b[i] >> 4;
    const low = b[i] & 15;
    text[2 * i] = high + (high < 10 ? 48 : 87); // "0", or what makes "a" of 10
    text[2 * i + 1] = low + (low < 10 ? 48 : 87);
  }
  return decode(text);
}

/** Bytes in base64url without padding, as tokens and signed URLs have them (RFC 4648, section 5). */
export function base64url(b: Uint8Array): string {
  const text = new Uint8Array((4 * b.length + 2) / 3);
  let at = 0;
  let v: u32 = 0;
  let bits = 0;
  for (let i = 0; i < b.length; i++) {
    v = (v << 8) | b[i];
    for (bits += 8; bits >= 6; bits -= 6) text[at++] = digit64((v >> (bits - 6)) & 63);
  }
  if (bits) text[at] = digit64((v << (6 - bits)) & 63);
  return decode(text);
}

function digit64(d: u32): u8 {
  if (d < 26) return <u8>(d + 65);
  if (d < 52) return <u8>(d + 71);
  if (d < 62) return <u8>(d - 4);
  return d == 62 ? 45 : 95;
}

/** The bytes for which a text in base64url without padding stands, null if it is none. No two texts stand for the same bytes. */
export function fromBase64url(s: string): Uint8Array | null {
  const b = new Uint8Array((s.length * 3) / 4);
  let at = 0;
  let v: u32 = 0;
  let bits = 0;
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i);
    let d = 0;
    if (c >= 65 && c <= 90) d = c - 65;
    else if (c >= 97 && c <= 122) d = c - 97 + 26;
    else if (c >= 48 && c <= 57) d = c - 48 + 52;
    else if (c == 45) d = 62;
    else if (c == 95) d = 63;
    else return null;
    v = (v << 6) | d;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      b[at++] = <u8>(v >> bits);
    }
  }
  if (bits >= 6 || v & ((1 << bits) - 1)) return null;
  return b;
}
