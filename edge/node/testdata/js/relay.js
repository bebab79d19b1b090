// Passes requests on to the origin and changes what passes, without holding any of it.
const hop = new Set(["connection", "keep-alive", "transfer-encoding", "content-length", "host"]);

function outward(request) {
  const headers = new Headers();
  for (const [name, value] of request.headers) {
    if (!hop.has(name)) headers.append(name, value);
  }
  headers.set("x-relayed-by", "relay");
  return headers;
}

// upper is a transformation of text as it passes.
function upper() {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  return new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(encoder.encode(decoder.decode(chunk, { stream: true }).toUpperCase()));
    },
  });
}

async function relayed(request, url) {
  const init = { method: request.method, headers: outward(request), backend: "shop" };
  if (request.method !== "GET" && request.method !== "HEAD") init.body = request.body;
  return fetch(`http://shop.example${url.pathname}${url.search}`, init);
}

export async function relay(event) {
  const { request } = event;
  const url = new URL(request.url);
  if (url.pathname === "/echo") {
    return new Response(request.body, { status: 202, headers: { "x-method": request.method } });
  }
  if (url.pathname === "/who") {
    return Response.json({ address: event.client.address, agent: request.headers.get("user-agent") });
  }
  const answer = await relayed(request, url);
  if (answer.status >= 500) {
    return new Response("the origin is not well", { status: 503, headers: { "retry-after": "5" } });
  }
  const headers = new Headers(answer.headers);
  headers.delete("server");
  headers.set("x-relayed", String(answer.status));
  if ((headers.get("content-type") ?? "").startsWith("text/plain")) {
    headers.delete("content-length");
    return new Response(answer.body.pipeThrough(upper()), { status: answer.status, headers });
  }
  return new Response(answer.body, { status: answer.status, headers });
}
