import { FetchedHook, Headers, ResponseHook, configOr, onFetched, onResponse } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_fetched(): i32 {
  return onFetched(strip);
}

export function on_response(): i32 {
  return onResponse(protect);
}

/** Makes a response fit for being stored and shared. */
function strip(h: FetchedHook): void {
  h.response.headers.delete("Set-Cookie");
  h.response.headers.delete("Server");
  h.response.headers.delete("X-Powered-By");
}

/** Sets what the origin has not set. */
function protect(h: ResponseHook): void {
  const headers = h.response.headers;
  unlessThere(headers, "X-Content-Type-Options", "nosniff");
  unlessThere(headers, "X-Frame-Options", "SAMEORIGIN");
  unlessThere(headers, "Referrer-Policy", "strict-origin-when-cross-origin");
  unlessThere(headers, "Content-Security-Policy", configOr("content_security_policy", ""));
}

function unlessThere(headers: Headers, name: string, value: string): void {
  if (value != "" && !headers.has(name)) headers.set(name, value);
}
