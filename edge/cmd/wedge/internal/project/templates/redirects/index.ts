import { KV, RequestHook, onRequest } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(redirect);
}

function redirect(h: RequestHook): void {
  const to = new KV("redirects").getText(h.request.path);
  if (to) h.respond(301, "").headers.set("Location", to);
}
