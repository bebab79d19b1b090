// Reads the body, {"id":…,"items":[{"price":…,"stock":…},…]}, and puts {"id":…,"total":…} in its place, on each response.
addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const stored = await fetch(request, { backend: "origin" });
  const { id, items } = await stored.json();
  const total = items.reduce((sum, item) => sum + item.price * item.stock, 0);
  return new Response(JSON.stringify({ id, total }), stored);
}
