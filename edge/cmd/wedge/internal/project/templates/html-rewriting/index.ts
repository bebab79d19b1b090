import { ResponseHook, config, onResponse } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_response(): i32 {
  return onResponse(rewrite);
}

function rewrite(h: ResponseHook): void {
  const banner = config("banner");
  const type = h.response.headers.get("Content-Type");
  if (!banner || !type || !type.startsWith("text/html")) return;
  const mark = "</body>";
  const stream = h.stream();
  const buffer = new Uint8Array(4096);
  // What may be the beginning of a mark waits for what follows.
  let held = 0;
  let done = false;
  while (true) {
    const n = stream.read(buffer.subarray(held));
    if (n == 0) {
      stream.write(buffer.subarray(0, held));
      return;
    }
    const ready = held + n;
    const at = done ? -1 : find(buffer, ready, mark);
    if (at >= 0) {
      done = true;
      stream.write(buffer.subarray(0, at));
      stream.writeText(banner);
      stream.write(buffer.subarray(at, ready));
      held = 0;
      continue;
    }
    held = done ? 0 : min(ready, mark.length - 1);
    stream.write(buffer.subarray(0, ready - held));
    buffer.copyWithin(0, ready - held, ready);
  }
}

function find(buffer: Uint8Array, length: i32, mark: string): i32 {
  for (let i = 0; i + mark.length <= length; i++) {
    let k = 0;
    while (k < mark.length && buffer[i + k] == mark.charCodeAt(k)) k++;
    if (k == mark.length) return i;
  }
  return -1;
}
