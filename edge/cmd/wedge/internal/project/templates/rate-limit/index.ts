import { Counter, Level, RequestHook, clientNetwork, config, log, onRequest } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(limit);
}

function limit(h: RequestHook): void {
  let most: i64 = 100;
  const setting = config("limit");
  if (setting) {
    most = I64.parseInt(setting);
    if (most.toString() != setting) throw new Error("config limit: a number, please");
  }
  const n = new Counter("requests of " + clientNetwork(), 60_000).add(1);
  if (n <= most) return;
  log(Level.Info, "too many requests", ["count", n.toString()]);
  h.respond(429, "too many requests, try again in a minute\n").headers.set("Retry-After", "60");
}
