import { ConfigStore } from "fastly:config-store";

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));

async function handle(request) {
  const page = await fetch(request, { backend: "origin" });
  const headers = new Headers(page.headers);
  for (const name of ["set-cookie", "server", "x-powered-by"]) headers.delete(name);
  const protection = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "strict-origin-when-cross-origin",
    "content-security-policy": new ConfigStore("settings").get("content_security_policy"),
  };
  for (const [name, value] of Object.entries(protection)) {
    if (value && !headers.has(name)) headers.set(name, value);
  }
  return new Response(page.body, { status: page.status, headers });
}
