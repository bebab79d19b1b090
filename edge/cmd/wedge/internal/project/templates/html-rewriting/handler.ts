/// <reference types="@fastly/js-compute" />
import { ConfigStore } from "fastly:config-store";
import { HTMLRewritingStream } from "fastly:html-rewriter";

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));

async function handle(request: Request): Promise<Response> {
  const asked = new Headers(request.headers);
  // What is compressed cannot be read; the node compresses what goes to the client.
  asked.delete("accept-encoding");
  const response = await fetch(new Request(request, { headers: asked }), { backend: "origin" });
  const banner = new ConfigStore("settings").get("banner");
  if (!banner || !response.body || !response.headers.get("content-type")?.startsWith("text/html")) return response;
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  const page = new HTMLRewritingStream().onElement("body", (body) => body.append(banner, { escapeHTML: false }));
  return new Response(response.body.pipeThrough(page), { status: response.status, headers });
}
