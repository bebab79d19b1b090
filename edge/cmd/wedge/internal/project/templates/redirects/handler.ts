/// <reference types="@fastly/js-compute" />
import { KVStore } from "fastly:kv-store";

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));

async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const entry = await new KVStore("redirects").get(pathname);
  if (entry) return new Response(null, { status: 301, headers: { location: await entry.text() } });
  return fetch(request, { backend: "origin" });
}
