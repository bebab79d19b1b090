import { RequestHook, onRequest } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(normalise);
}

function normalise(h: RequestHook): void {
  const query = h.request.query;
  if (query) {
    const kept = query.split("&").filter((p: string): bool => p != "" && !tracks(name(p)));
    // By insertion, which is stable: the order of several values of one name may mean something.
    for (let i = 1; i < kept.length; i++) {
      const p = kept[i];
      let k = i;
      for (; k > 0 && name(kept[k - 1]) > name(p); k--) kept[k] = kept[k - 1];
      kept[k] = p;
    }
    h.request.setQuery(kept.join("&"));
  }
  const agent = h.request.headers.get("User-Agent");
  const device = agent && agent.includes("Mobi") ? "mobile" : "desktop";
  h.key.add("device", device);
  h.request.headers.set("X-Device-Class", device);
}

function name(parameter: string): string {
  return parameter.split("=")[0];
}

function tracks(name: string): bool {
  return name.startsWith("utm_") || name == "gclid" || name == "fbclid";
}
