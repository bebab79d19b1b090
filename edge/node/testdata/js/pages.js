// Makes pages out of what is sent and what several backends say, and fails in the ways in which a program can.
const encoder = new TextEncoder();

function rows(form) {
  return [...new URLSearchParams(form)].map(([name, value]) => `<tr><td>${name}</td><td>${value}</td></tr>`);
}

async function table(request) {
  const form = await request.text();
  const list = rows(form);
  if (list.length === 0) return new Response("nothing was sent", { status: 422 });
  return new Response(`<table>${list.join("")}</table>`, { headers: { "content-type": "text/html" } });
}

// Two backends are asked at once, and one that does not answer well is named.
async function summary() {
  const answers = await Promise.all(
    ["prices", "stock"].map(async (name) => {
      const answer = await fetch(`http://shop.example/${name}`, { backend: "shop" });
      return answer.ok ? [name, await answer.json()] : [name, `status ${answer.status}`];
    }),
  );
  return Response.json(Object.fromEntries(answers));
}

// The page is written while it is sent.
function ticker(url) {
  let left = Number(url.searchParams.get("n") ?? 3);
  const body = new ReadableStream({
    pull(controller) {
      if (left === 0) {
        controller.close();
        return;
      }
      controller.enqueue(encoder.encode(`tick ${left--}\n`));
    },
  });
  return new Response(body, { headers: { "content-type": "text/plain" } });
}

function forever() {
  for (;;);
}

let visits = 0;

export async function pages(event) {
  const url = new URL(event.request.url);
  switch (url.pathname) {
    case "/table":
      return table(event.request);
    case "/summary":
      return summary();
    case "/random":
      return Response.json([Math.random(), crypto.randomUUID(), crypto.getRandomValues(new Uint8Array(8)).join(), Date.now()]);
    case "/ticker":
      return ticker(url);
    case "/visits":
      return new Response(`visit ${++visits}`);
    case "/throw":
      throw new TypeError("thrown on purpose");
    case "/forever":
      return forever();
    case "/nobody":
      return fetch("http://shop.example/", { backend: "nobody" });
  }
  return new Response("no such page", { status: 404 });
}
