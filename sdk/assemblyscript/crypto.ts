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
  const digits = "0123456789abcdef";
  let s = "";
  for (let i = 0; i < b.length; i++) s += digits.charAt(b[i] >> 4) + digits.charAt(b[i] & 15);
  return s;
}
