import { RequestHook, encode, onRequest, sameSecret, secret } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(guard);
}

function guard(h: RequestHook): void {
  const key = secret("key");
  if (!key || key.length < 16) throw new Error("secret key: set one of 16 bytes or more");
  const credentials = h.request.headers.get("Authorization");
  if (credentials && credentials.startsWith("Bearer ") && sameSecret(encode(credentials.substring(7)), key)) {
    // What is answered may be for this user only: past the cache.
    h.bypass();
    h.request.headers.delete("Authorization");
    return;
  }
  let challenge = 'Bearer realm="wedge"';
  if (credentials) challenge += ', error="invalid_token"';
  const headers = h.respond(401, "who are you?\n").headers;
  headers.set("WWW-Authenticate", challenge);
  headers.set("Cache-Control", "no-store");
}
