// Lets in who has a session, chooses one of two designs, and fetches the page through the cache.
import { ConfigStore } from "fastly:config-store";
import { KVStore } from "fastly:kv-store";
import { SecretStore } from "fastly:secret-store";
import { CacheOverride } from "fastly:cache-override";

const json = (status, value) =>
  new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json" } });

function cookies(request) {
  const all = {};
  for (const pair of (request.headers.get("cookie") ?? "").split(";")) {
    const [name, ...value] = pair.trim().split("=");
    if (name) all[name] = value.join("=");
  }
  return all;
}

async function sign(text) {
  const secret = await new SecretStore("keys").get("pepper");
  const bytes = new TextEncoder().encode(secret.plaintext() + text);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

async function login(request) {
  const { user } = await request.json();
  if (!user) return json(400, { error: "who are you?" });
  const token = await sign(user);
  await new KVStore("sessions").put(token, user);
  const answer = json(201, { user });
  answer.headers.append("set-cookie", `session=${token}; Secure; HttpOnly`);
  return answer;
}

export async function gate(event) {
  const { request } = event;
  const url = new URL(request.url);
  if (url.pathname === "/login" && request.method === "POST") return login(request);

  const entry = await new KVStore("sessions").get(cookies(request).session ?? "nobody");
  if (!entry) return json(401, { login: "/login" });
  const user = await entry.text();
  const share = Number(new ConfigStore("experiment").get("share"));
  const design = user.charCodeAt(0) % 100 < share ? "new" : "old";

  const page = await fetch(`http://shop.example/${design}${url.pathname}`, {
    backend: "shop",
    cacheOverride: new CacheOverride("override", { ttl: 60, surrogateKey: "pages" }),
  });
  const headers = new Headers(page.headers);
  headers.set("x-user", user);
  headers.set("x-design", design);
  return new Response(page.body, { status: page.status, headers });
}
