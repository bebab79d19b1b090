import { ConfigStore } from "fastly:config-store";

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));

async function handle(request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/hello") {
    const name = new ConfigStore("settings").get("name") ?? "world";
    return new Response(`Hello, ${name}, from the edge\n`, { headers: { "content-type": "text/plain; charset=utf-8" } });
  }
  return fetch(request, { backend: "origin" });
}
