import { KV, RequestHook, onRequest } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(redirect);
}

const longest = 1024; // bytes that a key may have; a path may have more

function redirect(h: RequestHook): void {
  const path = h.request.path;
  if (String.UTF8.byteLength(path) > longest) return;
  const to = new KV("redirects").getText(path);
  if (to) h.respond(301, "").headers.set("Location", to);
}
