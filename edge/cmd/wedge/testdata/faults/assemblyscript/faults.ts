import { KV, RequestHook, onRequest } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(fault);
}

let spun: i32 = 0;

function fault(h: RequestHook): void {
  const path = h.request.path;
  if (path == "/trap") {
    const empty: i32[] = [];
    spun = empty[path.length];
  }
  if (path == "/loop") {
    while (true) spun++;
  }
  if (path == "/json") feature();
}

function feature(): void {
  const text = new KV("settings").getText("feature");
  if (text == null || !text.endsWith("}")) throw new Error("settings/feature is no JSON: it does not end with }");
}
