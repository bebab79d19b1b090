import { CacheOverride } from "fastly:cache-override";
import { ConfigStore } from "fastly:config-store";

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));

async function handle(request) {
  const ttl = Number(new ConfigStore("settings").get("ttl") ?? 60);
  const headers = new Headers(request.headers);
  // One answer is for all, and may not be made for the user who happened to ask first.
  headers.delete("cookie");
  return fetch(new Request(canonical(request.url), { method: request.method, headers, body: request.body }), {
    backend: "origin",
    cacheOverride: new CacheOverride("override", { ttl, surrogateKey: "pages" }),
  });
}

/** Parameters that only track where a click came from. */
const tracking = /^(utm_.*|fbclid|gclid|msclkid)$/;

function canonical(address) {
  const url = new URL(address);
  const kept = [...url.searchParams].filter(([name]) => !tracking.test(name));
  kept.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  url.search = new URLSearchParams(kept).toString();
  return url.toString();
}
