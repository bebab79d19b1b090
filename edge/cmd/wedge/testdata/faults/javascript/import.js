import { readFile } from "node:fs/promises";

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));

async function handle(request) {
  return new Response(await readFile("/etc/hostname"));
}
