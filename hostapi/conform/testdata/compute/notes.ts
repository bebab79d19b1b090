// Takes a text and gives it back with numbered lines, in a stream, with what it weighs; a long one is refused, and sums are told
// of a list of numbers.
import { Fastly, Headers, Response, ResponseInit, URL } from "@fastly/as-compute";

const LONGEST = 2000;

function init(status: u16, kind: string): ResponseInit {
  const headers = new Headers();
  headers.set("content-type", kind);
  headers.set("x-client", Fastly.getClientIpAddressString());
  const i = new ResponseInit();
  i.status = status;
  i.headers = headers;
  return i;
}

function answer(status: u16, text: string): void {
  Fastly.respondWith(new Response(String.UTF8.encode(text), init(status, "text/plain")));
}

// numbered sends the lines one by one.
function numbered(text: string): void {
  const stream = Fastly.respondWithStreaming(new Response(String.UTF8.encode("begin\n"), init(200, "text/plain")));
  const writer = stream.getWriter();
  if (writer == null) {
    return;
  }
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    writer.write(String.UTF8.encode((i + 1).toString() + ": " + lines[i].toUpperCase() + "\n"));
  }
  writer.write(String.UTF8.encode("end of " + text.length.toString()));
  writer.close();
}

// sums adds up the numbers of a text.
function sums(text: string): void {
  const words = text.split(" ");
  let sum: i64 = 0;
  let wrong = 0;
  for (let i = 0; i < words.length; i++) {
    const n = I64.parseInt(words[i], 10);
    if (n == 0 && words[i] != "0") {
      wrong++;
    }
    sum += n;
  }
  answer(wrong > 0 ? 422 : 200, sum.toString() + ", " + wrong.toString() + " that are none");
}

function main(): void {
  const request = Fastly.getClientRequest();
  const path = new URL(request.url).pathname;
  if (request.method != "POST") {
    answer(405, request.method + " is not for " + path);
    return;
  }
  const text = request.text();
  if (text.length > LONGEST) {
    answer(413, "too long by " + (text.length - LONGEST).toString());
  } else if (path == "/sum") {
    sums(text);
  } else {
    numbered(text);
  }
}

main();
