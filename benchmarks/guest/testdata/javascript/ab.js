// Sets X-Cohort to the one that the cookie names, on each response.
addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const stored = await fetch(request, { backend: "origin" });
  const response = new Response(stored.body, stored);
  const b = request.headers.get("Cookie")?.split(/; */).includes("cohort=b");
  response.headers.set("X-Cohort", b ? "b" : "a");
  return response;
}
