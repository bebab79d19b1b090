import { RequestHook, configOr, onRequest } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(greet);
}

function greet(h: RequestHook): void {
  if (h.request.path != "/hello") return; // go on: the cache, then the origin
  const r = h.respond(200, "Hello, " + configOr("name", "world") + ", from the edge\n");
  r.headers.set("Content-Type", "text/plain; charset=utf-8");
}
