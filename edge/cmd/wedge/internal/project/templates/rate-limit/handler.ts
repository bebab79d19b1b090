/// <reference types="@fastly/js-compute" />
import { ConfigStore } from "fastly:config-store";
import { RateCounter } from "fastly:edge-rate-limiter";

addEventListener("fetch", (event) => event.respondWith(handle(event)));

async function handle({ request, client }: FetchEvent): Promise<Response> {
  const setting = new ConfigStore("settings").get("limit") ?? "100";
  const most = Number(setting);
  if (!Number.isInteger(most)) throw new Error(`config settings.limit: a number, please, and not ${setting}`);
  const requests = new RateCounter("requests");
  requests.increment(client.address, 1);
  const count = requests.lookupCount(client.address, 60);
  if (count > most) {
    console.log(`too many requests: ${count}`);
    return new Response("too many requests, try again in a minute\n", { status: 429, headers: { "retry-after": "60" } });
  }
  return fetch(request, { backend: "origin" });
}
