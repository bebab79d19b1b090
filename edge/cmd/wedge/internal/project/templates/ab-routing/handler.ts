/// <reference types="@fastly/js-compute" />
import { ConfigStore } from "fastly:config-store";

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));

async function handle(request: Request): Promise<Response> {
  const known = cohortOf(request.headers.get("cookie") ?? "");
  const cohort = known ?? (Math.random() * 100 < weight() ? "b" : "a");
  const url = new URL(request.url);
  url.pathname = `/${cohort}${url.pathname}`;
  const headers = new Headers(request.headers);
  // The cookie has done its work. Left in the request, it would make the response one that belongs to a user.
  headers.delete("cookie");
  const page = await fetch(new Request(url, { method: request.method, headers, body: request.body }), { backend: "origin" });
  const fields = new Headers(page.headers);
  // Caches between the node and the client must keep cohorts apart, and what gives one client its cohort from all others.
  fields.append("vary", "Cookie");
  if (!known) {
    fields.append("cache-control", "private");
    fields.append("set-cookie", `ab=${cohort}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax`);
  }
  return new Response(page.body, { status: page.status, headers: fields });
}

function weight(): number {
  return Number(new ConfigStore("settings").get("weight") ?? 50);
}

/** A cohort that there is, and not what a client has made up. */
function cohortOf(cookies: string): string | undefined {
  const value = cookies.split(";").map((pair) => pair.trim()).find((pair) => pair.startsWith("ab="))?.slice("ab=".length);
  return value === "a" || value === "b" ? value : undefined;
}
