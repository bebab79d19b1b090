fastly.setReusableSandboxOptions({ maxRequests: 0 });

addEventListener("fetch", (event) => {
  event.respondWith(new Response("hello\n", { headers: { "content-type": "text/plain" } }));
});
