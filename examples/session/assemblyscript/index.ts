// Keeps who is logged in at the edge: the origin logs people in and out, the function keeps the session in a store, and every other request reaches the
// origin with the user's name, which no client can forge.
import {
  FetchedHook, HashFunction, KV, Level, PutOptions, RequestHook, ResponseHook, base64url, config, configOr, encode, getVar, hash, log, now, onFetched, onRequest,
  onResponse, outcome, randomBytes, setVar,
} from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(recognise);
}

export function on_fetched(): i32 {
  return onFetched(keepApart);
}

export function on_response(): i32 {
  return onResponse(settle);
}

// The fields between function and origin. The origin logs a user in by answering with the first, and out by answering with the second; clients see neither.
const user = "X-Session-User";
const end = "X-Session-End";

// The cookie. The prefix has browsers refuse it without Secure and Path=/, and from another host of the domain.
const cookie = "__Host-session";

// The variable by which on_request tells on_response the key of the client's session.
const current = "session-key";

/** Tells the origin who asks. */
function recognise(h: RequestHook): void {
  // What a client sends under the origin's name is no fact.
  h.request.headers.delete(user);
  const token = h.request.cookie(cookie);
  if (token === null || token.length != 43) return; // 32 bytes in base64url
  const key = keyOf(token);
  const store = new KV(configOr("store", "sessions"));
  const entry = store.get(key);
  if (entry === null) return; // it has ended; the origin decides what that means for this page
  // A session lives on as long as it is used. It is written at most four times in its life, not by every request.
  const life = lifeOf();
  if (entry.expires - now() < (life * 3) / 4) {
    const o = new PutOptions();
    o.ttl = life;
    o.ifVersion = entry.version;
    store.put(key, entry.value, o); // it does nothing if somebody else has lengthened or ended it
  }
  h.request.headers.set(user, entry.text);
  setVar(current, key);
  // What the origin answers is for this user, so it is neither taken from the cache nor put there.
  h.bypass();
}

/**
 * Has what begins or ends a session be for the one who asked alone, whatever the origin says of caching: it is not stored, and not given to those who asked
 * for the same at the same time, whom it would log in as somebody else.
 */
function keepApart(h: FetchedHook): void {
  if (h.response.headers.has(user) || h.response.headers.has(end)) h.keep.noStore();
}

/** Begins and ends sessions as the origin says. */
function settle(h: ResponseHook): void {
  const headers = h.response.headers;
  const name = headers.get(user);
  const ends = headers.has(end);
  headers.delete(user);
  headers.delete(end);
  if (name === null && !ends) return;
  if (outcome() == "hit" || outcome() == "stale") {
    // A stored response would log everybody in as one. This one was stored before this function was there.
    log(Level.Error, "a stored response begins or ends a session: its route must not be cached", ["path", h.request.path]);
    return;
  }
  const store = new KV(configOr("store", "sessions"));
  // The old session ends in any case: whoever had its token before the login must not be logged in by it.
  const old = getVar(current);
  if (old !== null) store.delete(old);
  if (name === null) return setCookie(h, "", 0);
  const token = base64url(randomBytes(32));
  const o = new PutOptions();
  o.ttl = lifeOf();
  o.ifAbsent = true;
  if (!store.put(keyOf(token), encode(name), o).done) throw new Error("the token of a new session is taken");
  setCookie(h, token, o.ttl);
}

function setCookie(h: ResponseHook, token: string, life: i64): void {
  h.response.headers.set("Cache-Control", "private, no-store");
  h.response.headers.append("Set-Cookie", cookie + "=" + token + "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=" + (life / 1000).toString());
}

/** The key of a token's session. The store holds a hash: whoever can list its keys cannot log in with them. */
function keyOf(token: string): string {
  return base64url(hash(HashFunction.Sha256, encode(token)));
}

/** For how many milliseconds a session lives when it is not used. */
function lifeOf(): i64 {
  const setting = config("life");
  if (setting === null) return 12 * 3600 * 1000;
  const n = I64.parseInt(setting);
  if (n.toString() != setting || n < 60 || n > 31536000) throw new Error("config life: a number of seconds, from 60 to 31536000");
  return n * 1000;
}
