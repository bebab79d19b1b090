import { KVStore } from "fastly:kv-store";

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));

let spun = 0;

async function handle(request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/trap") deep(2);
  if (pathname === "/loop") while (true) spun++;
  if (pathname === "/json") return new Response(await feature());
  return new Response("nothing is wrong\n");
}

function deep(n) {
  if (n > 0) return deep(n - 1);
  return undefined.length;
}

async function feature() {
  const entry = await new KVStore("settings").get("feature");
  return (await entry.json()).title;
}
