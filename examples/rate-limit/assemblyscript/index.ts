// Lets each client make so many requests in a window of time, and answers what is more at the edge.
import {
  Counter, HashFunction, Level, RequestHook, RequestView, ResponseHook, clientNetwork, count, encode, getVar, hash, hex, log, onRequest, onResponse, penalise,
  penalty, setVar, settings,
} from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(limit);
}

export function on_response(): i32 {
  return onResponse(tell);
}

// The variable by which on_request tells on_response how many requests the client has left.
const left = "rate-limit-left";

function limit(h: RequestHook): void {
  const c = new Config();
  const who = c.client(h.request);
  if (c.penalty > 0) {
    // Whoever went too far once waits, and does not make the wait longer by asking again.
    const wait = penalty(who);
    if (wait > 0) return refuse(h, wait);
  }
  const n = new Counter(who, c.window).add(1);
  if (n <= c.limit) return setVar(left, (c.limit - n).toString());
  if (c.penalty > 0) penalise(who, c.penalty);
  // Once for each time that a client goes too far: a flood of requests must not become a flood of lines.
  if (n == c.limit + 1) log(Level.Info, "a client asks too often", ["client", who, "limit", c.limit.toString()]);
  count("refused");
  refuse(h, c.penalty > 0 ? c.penalty : c.window);
}

/** Answers with when to come again, in whole seconds, at least one. */
function refuse(h: RequestHook, wait: i64): void {
  const headers = h.respond(429, "Too many requests. Please try again later.\n").headers;
  headers.set("Content-Type", "text/plain; charset=utf-8");
  // "The 429 (Too Many Requests) status code … MAY include a Retry-After header indicating how long to wait before making a new request."
  // https://www.rfc-editor.org/rfc/rfc6585#section-4
  headers.set("Retry-After", ((wait + 999) / 1000).toString());
  // "Responses with the 429 status code MUST NOT be stored by a cache." (ibid.)
  headers.set("Cache-Control", "no-store");
}

/** Says how many requests are left, also in responses that come from the cache. */
function tell(h: ResponseHook): void {
  const n = getVar(left);
  if (n !== null) h.response.headers.set("X-RateLimit-Remaining", n);
}

/** What the operator wants. Times are milliseconds. */
class Config {
  limit: i64 = 100;
  window: i64 = 60_000;
  penalty: i64 = 0; // none
  by: string = ""; // the field that tells clients apart, "" for the address

  constructor() {
    const all = settings();
    for (let i = 0; i < all.length; i += 2) {
      const name = all[i];
      const value = all[i + 1];
      if (name == "limit") this.limit = number(name, value, i64.MAX_VALUE);
      else if (name == "window") this.window = number(name, value, 86400) * 1000; // the longest window that a counter has is a day
      else if (name == "penalty") this.penalty = number(name, value, 86400) * 1000;
      else if (name == "by") this.by = value;
      else throw new Error("config " + name + " is not known: see the README of the example rate-limit");
    }
  }

  /**
   * The key under which a client is counted. Whatever the client sends is hashed, because a key has at most 512 bytes; and it is counted by its address if it
   * does not send the field, so that leaving it out helps nobody.
   */
  client(r: RequestView): string {
    if (this.by.length) {
      const v = r.fields.get(this.by);
      if (v !== null) return "rate-limit " + this.by + " " + hex(hash(HashFunction.Sha256, encode(v)).subarray(0, 16));
    }
    // An address, or in IPv6 a network of 64 bits, behind which every host has as many addresses as it likes.
    return "rate-limit address " + clientNetwork();
  }
}

function number(name: string, value: string, most: i64): i64 {
  const n = I64.parseInt(value);
  if (n.toString() != value || n < 1 || n > most) throw new Error("config " + name + ": a number, from 1 to " + most.toString());
  return n;
}
