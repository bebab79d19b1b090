/// <reference types="@fastly/js-compute" />
import { ConfigStore } from "fastly:config-store";
import { RateCounter } from "fastly:edge-rate-limiter";

addEventListener("fetch", (event) => event.respondWith(handle(event)));

async function handle({ request, client }: FetchEvent): Promise<Response> {
  const setting = new ConfigStore("settings").get("limit") ?? "100";
  const most = Number(setting);
  if (!Number.isInteger(most)) throw new Error(`config settings.limit: a number, please, and not ${setting}`);
  const requests = new RateCounter("requests");
  const who = network(client.address);
  requests.increment(who, 1);
  const count = requests.lookupCount(who, 60);
  if (count > most) {
    console.log(`too many requests: ${count}`);
    return new Response("too many requests, try again in a minute\n", { status: 429, headers: { "retry-after": "60" } });
  }
  return fetch(request, { backend: "origin" });
}

/** What one client has: an address of IPv4, or of IPv6 the network of 64 bits, in which it has as many addresses as it likes. */
function network(address: string): string {
  if (!address.includes(":")) return address;
  const [front, back] = address.split("::").map((part) => part.split(":").filter((group) => group));
  const groups = back ? [...front, ...Array(8 - front.length - back.length).fill("0"), ...back] : front;
  return `${groups.slice(0, 4).join(":")}::/64`;
}
