import * as raw from "./raw";
import { Message, Status } from "./raw";
import { check } from "./failure";
import { address, bytes, capacity, pairs, room, short, text, utf8 } from "./memory";

/** A header section that can be read. Names are compared without regard to case. */
export class HeadersView {
  constructor(protected side: Message) {}

  /** The value of the first field line of that name, null if there is none. */
  get(name: string): string | null {
    return this.at(name, 0);
  }

  /** The value of the field line with that index among those of that name. */
  at(name: string, index: i32): string | null {
    const k = utf8(name);
    let n: i32;
    do {
      n = raw.field(this.side, address(k), k.byteLength, index, room(), capacity());
    } while (short(n));
    return text(n);
  }

  /** As get, for a value that may be no UTF-8. */
  getBytes(name: string): Uint8Array | null {
    const k = utf8(name);
    let n: i32;
    do {
      n = raw.field(this.side, address(k), k.byteLength, 0, room(), capacity());
    } while (short(n));
    return bytes(n);
  }

  /** The values of all field lines of that name. */
  getAll(name: string): string[] {
    const list: string[] = [];
    let v = this.at(name, 0);
    while (v !== null) {
      list.push(v);
      v = this.at(name, list.length);
    }
    return list;
  }

  /** Whether there is a field line of that name. */
  has(name: string): bool {
    return this.count(name) > 0;
  }

  /** How many field lines have that name. */
  count(name: string): i32 {
    const k = utf8(name);
    return max(0, raw.fieldCount(this.side, address(k), k.byteLength));
  }

  /** Name and value of each field line in turn, in order: [name, value, name, value]. */
  entries(): string[] {
    let n: i32;
    do {
      n = raw.fields(this.side, room(), capacity());
    } while (short(n));
    return pairs(n);
  }
}

/**
 * A header section that can be changed. A value with a line break or another control character is an error, so that what a client
 * sent can be put into one without fear of injection. Connection, Transfer-Encoding, Content-Length, Trailer, Date, Age, Host,
 * CDN-Loop and the other fields between two peers are the node's own.
 */
export class Headers extends HeadersView {
  constructor(side: Message) {
    super(side);
  }

  /** Replaces the field lines of that name by one. */
  set(name: string, value: string): void {
    const k = utf8(name);
    const v = utf8(value);
    check(raw.fieldSet(this.side, address(k), k.byteLength, address(v), v.byteLength), "set field", name);
  }

  /** Appends a field line. */
  append(name: string, value: string): void {
    const k = utf8(name);
    const v = utf8(value);
    check(raw.fieldAdd(this.side, address(k), k.byteLength, address(v), v.byteLength), "add field", name);
  }

  /** Removes the field lines of that name; it is no error if there are none. */
  delete(name: string): void {
    const k = utf8(name);
    const n = raw.fieldRemove(this.side, address(k), k.byteLength);
    if (n != Status.Absent) check(n, "remove field", name);
  }
}
