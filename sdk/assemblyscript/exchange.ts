import * as raw from "./raw";
import { Fact, Status } from "./raw";
import { check } from "./failure";
import { address, bytes, capacity, pairs, room, short, text, textOr, utf8 } from "./memory";

/** The exchange's id, 32 hexadecimal digits: the one in logs, traces and error pages. */
export function id(): string {
  let n: i32;
  do {
    n = raw.exchangeId(room(), capacity());
  } while (short(n));
  return textOr(n);
}

/** When the exchange began, in milliseconds since 1970. It stands still within an exchange. */
export function now(): i64 {
  return raw.now() / 1_000_000;
}

/** A fact about the client, null if the node does not know it. */
export function client(fact: Fact): string | null {
  let n: i32;
  do {
    n = raw.client(fact, room(), capacity());
  } while (short(n));
  return text(n);
}

/** The client's address. */
export function clientAddress(): string {
  const a = client(Fact.Address);
  return a === null ? "" : a;
}

/** What one client has: its address, or in IPv6 the network of 64 bits, in which it has as many as it likes. Count clients by it. */
export function clientNetwork(): string {
  const n = client(Fact.Network);
  return n === null ? "" : n;
}

/** A variable that a function of this exchange has set, null if there is none. */
export function getVar(name: string): string | null {
  const k = utf8(name);
  let n: i32;
  do {
    n = raw.varGet(address(k), k.byteLength, room(), capacity());
  } while (short(n));
  return text(n);
}

/** Sets a variable: at most 4096 bytes of names and values together. The fetch has a copy of those that were set before it began. */
export function setVar(name: string, value: string): void {
  const k = utf8(name);
  const v = utf8(value);
  check(raw.varSet(address(k), k.byteLength, address(v), v.byteLength), "set variable", name);
}

/** Removes a variable; it is no error if there is none. */
export function removeVar(name: string): void {
  const k = utf8(name);
  const n = raw.varRemove(address(k), k.byteLength);
  if (n != Status.Absent) check(n, "remove variable", name);
}

/** A setting that the operator gave this binding, null if there is none. It can be read during initialisation. */
export function config(name: string): string | null {
  const k = utf8(name);
  let n: i32;
  do {
    n = raw.config(address(k), k.byteLength, room(), capacity());
  } while (short(n));
  return text(n);
}

/** A setting, or what stands for it if there is none. */
export function configOr(name: string, otherwise: string): string {
  const v = config(name);
  return v === null ? otherwise : v;
}

/** All settings in the order of their names: name and value in turn. */
export function settings(): string[] {
  let n: i32;
  do {
    n = raw.configList(room(), capacity());
  } while (short(n));
  return pairs(n);
}

/** A secret of this binding, null if there is none. Never log it; hmacSecret uses one without reading it. */
export function secret(name: string): Uint8Array | null {
  const k = utf8(name);
  let n: i32;
  do {
    n = raw.secret(address(k), k.byteLength, room(), capacity());
  } while (short(n));
  return bytes(n);
}
