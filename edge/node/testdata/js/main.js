// One module with three programs, by the host that is asked for: an engine takes as long to compile for each. It may be used
// for one request after another, if the node lets it.
import { setReusableSandboxOptions } from "fastly:experimental";
import { gate } from "./gate.js";
import { pages } from "./pages.js";
import { relay } from "./relay.js";

const programs = { "gate.example": gate, "pages.example": pages, "again.example": pages, "relay.example": relay };

setReusableSandboxOptions({ maxRequests: 0 });

addEventListener("fetch", (event) => {
  const { hostname } = new URL(event.request.url);
  event.respondWith(programs[hostname](event));
});
