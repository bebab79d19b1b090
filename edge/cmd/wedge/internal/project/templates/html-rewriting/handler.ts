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
  // A part of a page stays the origin's: of the page with the banner it would be another part.
  if (!banner || !response.body || response.status === 206 || !response.headers.get("content-type")?.startsWith("text/html")) return response;
  const headers = new Headers(response.headers);
  // What the origin says of the length and the version of its page is not so of this one.
  for (const name of ["content-length", "accept-ranges", "etag", "last-modified"]) headers.delete(name);
  const page = new HTMLRewritingStream().onElement("body", (body) => body.append(banner, { escapeHTML: false }));
  return new Response(response.body.pipeThrough(page), { status: response.status, headers });
}
