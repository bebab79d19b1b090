addEventListener("fetch", (event) => event.respondWith(handle(event.request)));

async function handle(request) {
  const name = request.headers.get("x-name") ?? ;
  return new Response(name);
}
