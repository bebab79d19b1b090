/// <reference types="@fastly/js-compute" />
import { CacheOverride } from "fastly:cache-override";
import { SecretStore } from "fastly:secret-store";

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));

async function handle(request: Request): Promise<Response> {
  const credentials = request.headers.get("authorization");
  if (!credentials?.startsWith("Bearer ") || !(await isKey(credentials.slice("Bearer ".length)))) {
    const challenge = credentials ? 'Bearer realm="wedge", error="invalid_token"' : 'Bearer realm="wedge"';
    return new Response("who are you?\n", { status: 401, headers: { "www-authenticate": challenge, "cache-control": "no-store" } });
  }
  const headers = new Headers(request.headers);
  headers.delete("authorization");
  // What is answered may be for this user only: past the cache.
  return fetch(new Request(request, { headers }), { backend: "origin", cacheOverride: new CacheOverride("pass") });
}

/** Digests are compared, so that the time which that takes says nothing of the key. */
async function isKey(given: string): Promise<boolean> {
  const key = await new SecretStore("keys").get("key");
  if (!key || key.plaintext().length < 16) throw new Error("secret keys.key: set one of 16 bytes or more");
  const [a, b] = await Promise.all([digest(given), digest(key.plaintext())]);
  return a.every((byte, i) => byte === b[i]);
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
