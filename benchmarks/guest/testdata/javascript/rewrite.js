// Writes 4 for each a in the body, on each response.
addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const stored = await fetch(request, { backend: "origin" });
  return new Response((await stored.text()).replaceAll("a", "4"), stored);
}
