// Values come into a buffer that grows when one does not fit; the node writes nothing then, and is asked again. Texts go as UTF-8.

let at: usize = memory.data(1024, 16);
let size: i32 = 1024;
let owned = false;

// The first allocation makes the heap. It is done here, while the module is initialised, so that the heap is there in each exchange and not made in each.
heap.free(heap.alloc(16));

/** Where the next value goes. */
export function room(): usize {
  return at;
}

/** How many bytes it may have. */
export function capacity(): i32 {
  return size;
}

/** Whether a value of that length did not fit. The room is large enough afterwards. */
export function short(n: i32): bool {
  if (n <= size) return false;
  if (owned) heap.free(at);
  at = heap.alloc(n);
  size = n;
  owned = true;
  return true;
}

/** The value as a text, null if the result says that there is none. Bytes that are no UTF-8 become other characters. */
export function text(n: i32): string | null {
  if (n < 0) return null;
  return String.UTF8.decodeUnsafe(at, n);
}

/** The value as a text, "" if there is none. */
export function textOr(n: i32): string {
  if (n < 0) return "";
  return String.UTF8.decodeUnsafe(at, n);
}

/** The value as bytes, null if there is none. */
export function bytes(n: i32): Uint8Array | null {
  if (n < 0) return null;
  const b = new Uint8Array(n);
  memory.copy(b.dataStart, at, n);
  return b;
}

/** The value as a list of pairs: name and value in turn. */
export function pairs(n: i32): string[] {
  const list: string[] = [];
  let p = at;
  const end = at + max(n, 0);
  while (p + 8 <= end) {
    const name = load<u32>(p);
    const value = load<u32>(p, 4);
    p += 8;
    if (name > <u32>(end - p) || value > <u32>(end - p) - name) break;
    list.push(String.UTF8.decodeUnsafe(p, name));
    list.push(String.UTF8.decodeUnsafe(p + name, value));
    p += name + value;
  }
  return list;
}

/** A text as it goes to the node. Hold it in a local as long as its address is used. */
export function utf8(s: string): ArrayBuffer {
  return String.UTF8.encode(s);
}

/** The address of a buffer's bytes. */
// @ts-ignore: decorator
@inline export function address(b: ArrayBuffer): usize {
  return changetype<usize>(b);
}

/** Names and values in turn as the list of pairs that the node reads. */
export function packed(list: string[]): ArrayBuffer {
  let total = 0;
  for (let i = 0; i < list.length; i++) total += 4 + String.UTF8.byteLength(list[i]);
  if (list.length & 1) total += 4;
  const b = new ArrayBuffer(total);
  let p = address(b);
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i];
    const value = i + 1 < list.length ? list[i + 1] : "";
    const n = String.UTF8.byteLength(name);
    const v = String.UTF8.byteLength(value);
    store<u32>(p, n);
    store<u32>(p, v, 4);
    String.UTF8.encodeUnsafe(changetype<usize>(name), name.length, p + 8);
    String.UTF8.encodeUnsafe(changetype<usize>(value), value.length, p + 8 + n);
    p += 8 + n + v;
  }
  return b;
}
