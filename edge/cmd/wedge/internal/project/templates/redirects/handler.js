import { KVStore } from "fastly:kv-store";

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));

async function handle(request) {
  const { pathname } = new URL(request.url);
  const entry = isKey(pathname) && (await new KVStore("redirects").get(pathname));
  if (entry) return new Response(null, { status: 301, headers: { location: await entry.text() } });
  return fetch(request, { backend: "origin" });
}

// KVStore.get throws for what cannot be a key: it has at most 1024 bytes here, and none of ; ? # ^ | anywhere.
function isKey(path) {
  return path.length <= 1024 && !/[;?#^|]/.test(path);
}
