// Stands before a shop: asks for a key, sorts visitors into two groups, keeps the shop's pages for a minute, and makes one page
// of two.
import { Fastly, Headers, Request, RequestInit, Response, ResponseInit, URL } from "@fastly/as-compute";

const BACKEND = "shop";

// group sorts a text into one of two groups, always the same.
function group(text: string): string {
  let sum: u32 = 2166136261;
  for (let i = 0; i < text.length; i++) {
    sum = (sum ^ (<u32>text.charCodeAt(i))) * 16777619;
  }
  return sum % 2 == 0 ? "a" : "b";
}

function answer(status: u16, text: string, headers: Headers): void {
  const init = new ResponseInit();
  init.status = status;
  init.headers = headers;
  Fastly.respondWith(new Response(String.UTF8.encode(text), init));
}

// ask sends a request to the shop, as the visitor's group sees it.
function ask(url: string, visitors: string): Fastly.FastlyPendingUpstreamRequest {
  const headers = new Headers();
  headers.set("x-group", visitors);
  headers.append("x-from", "the gateway");
  const init = new RequestInit();
  init.method = "GET";
  init.headers = headers;
  const cache = new Fastly.CacheOverride();
  cache.setTTL(60);
  cache.setSWR(10);
  return Fastly.fetch(new Request(url, init), { backend: BACKEND, cacheOverride: cache });
}

function page(request: Request, visitors: string): void {
  const upstream = ask(request.url, visitors).wait();
  const init = new ResponseInit();
  init.status = upstream.status;
  init.headers = upstream.headers;
  upstream.headers.set("x-group", visitors);
  Fastly.respondWith(new Response(String.UTF8.encode("<!-- " + visitors + " -->" + upstream.text()), init));
}

// both makes one page of two that are fetched at once, in the order in which they come.
function both(request: Request, visitors: string): void {
  const pool = new Fastly.FetchPool();
  pool.push(ask(new URL("/top", request.url).toString(), visitors));
  pool.push(ask(new URL("/bottom", request.url).toString(), visitors));
  const parts = new Array<string>();
  while (pool.length() > 0) {
    const done = pool.any();
    if (done != null) {
      parts.push(done.response.text());
    }
  }
  parts.sort();
  const headers = new Headers();
  headers.set("x-parts", parts.length.toString());
  answer(200, parts.join("\n"), headers);
}

function main(): void {
  const request = Fastly.getClientRequest();
  const settings = new Fastly.Dictionary("settings");
  const headers = new Headers();
  const key = request.headers.get("x-key");
  if (key == null || key != settings.get("key")) {
    Fastly.getLogEndpoint("audit").log("no key for " + new URL(request.url).pathname);
    headers.set("www-authenticate", "Key");
    answer(401, "show a key", headers);
    return;
  }
  const visitor = request.headers.get("x-visitor");
  const visitors = group(visitor == null ? "" : changetype<string>(visitor));
  if (new URL(request.url).pathname == "/both") {
    both(request, visitors);
  } else {
    page(request, visitors);
  }
}

main();
