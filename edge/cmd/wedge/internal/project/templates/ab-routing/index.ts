import { RequestHook, ResponseHook, configOr, getVar, onRequest, onResponse, setVar } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(route);
}

export function on_response(): i32 {
  return onResponse(remember);
}

function route(h: RequestHook): void {
  const cookie = h.request.cookie("ab");
  let cohort = "a";
  if (cookie && (cookie == "a" || cookie == "b")) {
    cohort = cookie;
  } else {
    // A new client, or one that made something up.
    if (Math.random() * 100 < parseInt(configOr("weight", "50"))) cohort = "b";
    setVar("new-cohort", cohort);
  }
  h.key.add("ab", cohort);
  // The cookie has done its work. Left in the request, it would make the response one that belongs to a user.
  h.request.headers.delete("Cookie");
  h.request.headers.set("X-Cohort", cohort);
}

function remember(h: ResponseHook): void {
  // Caches between the node and the client must keep cohorts apart, and what gives one client its cohort from all others.
  h.response.headers.append("Vary", "Cookie");
  const cohort = getVar("new-cohort");
  if (!cohort) return;
  h.response.headers.append("Cache-Control", "private");
  h.response.headers.append("Set-Cookie", "ab=" + cohort + "; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
}
