// Sets X-Device by User-Agent on each response: a program for Fastly Compute that answers with what the origin, or the
// cache, has.
addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const stored = await fetch(request, { backend: "origin" });
  const response = new Response(stored.body, stored);
  const mobile = request.headers.get("User-Agent")?.includes("Mobile");
  response.headers.set("X-Device", mobile ? "mobile" : "desktop");
  return response;
}
