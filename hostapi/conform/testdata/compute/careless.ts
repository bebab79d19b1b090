// Does what it is told in the request's path, and most of that is wrong: it ends in each way in which a program can.
import { Fastly, Headers, Request, RequestInit, Response, ResponseInit, URL } from "@fastly/as-compute";

function answer(text: string): Fastly.WriteableBodyStream {
  const init = new ResponseInit();
  init.status = 200;
  init.headers = new Headers();
  return Fastly.respondWithStreaming(new Response(String.UTF8.encode(text), init));
}

class Shelf {
  items: Array<string> = new Array<string>();

  at(i: i32): string {
    return this.items[i]; // beyond its end, as often as not
  }
}

function deeper(n: i32): i32 {
  return n == i32.MAX_VALUE ? 0 : deeper(n + 1) + n;
}

function grow(): i32 {
  const kept = new Array<ArrayBuffer>();
  for (;;) {
    kept.push(new ArrayBuffer(8 << 20));
  }
  return kept.length;
}

function spin(): i32 {
  let n: i32 = 0;
  for (;;) {
    n = n * 1664525 + 1013904223;
    if (n == i32.MIN_VALUE && n == i32.MAX_VALUE) {
      return n;
    }
  }
  return n;
}

function fetchFrom(backend: string): string {
  const init = new RequestInit();
  init.method = "GET";
  init.headers = new Headers();
  return Fastly.fetch(new Request("http://shop.example/refused", init), { backend: backend, cacheOverride: null }).wait().text();
}

function main(): void {
  const path = new URL(Fastly.getClientRequest().url).pathname;
  if (path == "/throw") {
    throw new Error("this was thrown");
  } else if (path == "/trap") {
    unreachable();
  } else if (path == "/shelf") {
    answer(new Shelf().at(3));
  } else if (path == "/stack") {
    answer(deeper(1).toString());
  } else if (path == "/memory") {
    answer(grow().toString());
  } else if (path == "/spin") {
    answer(spin().toString());
  } else if (path == "/nobody") {
    answer(fetchFrom("nobody"));
  } else if (path == "/refused") {
    answer(fetchFrom("shop"));
  } else if (path == "/silent") {
    return;
  } else if (path == "/middle") {
    answer("the first half");
    unreachable();
  } else {
    const writer = answer("well").getWriter();
    if (writer != null) {
      writer.close();
    }
  }
}

main();
