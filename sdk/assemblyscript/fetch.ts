import * as raw from "./raw";
import { FetchOption, Status } from "./raw";
import { check, statusText } from "./failure";
import { address, capacity, pairs, room, short, text, utf8 } from "./memory";

/**
 * A request of the function's own, to an origin or a host that the binding lists under fetch. It is sent by send, which does not
 * wait: several can be under way at once.
 */
export class FetchRequest {
  /** The method. */
  method: string = "GET";
  /** Names and values of header fields in turn. */
  fields: string[] = [];
  /** The body. */
  body: Uint8Array = new Uint8Array(0);
  /** Milliseconds until the response's head must be there; 0 is the node's own. */
  timeout: i64 = 0;
  /** Sends it through the node's cache. */
  useCache: bool = false;

  constructor(
    /** The name of an origin, or "" for a whole URL. */
    public origin: string,
    /** Path and query, or the URL. */
    public target: string,
  ) {}

  /** Sends the request. */
  send(): Pending {
    const m = utf8(this.method);
    const o = utf8(this.origin);
    const t = utf8(this.target);
    const what = this.origin + this.target;
    const h = check(raw.fetchNew(address(m), m.byteLength, address(o), o.byteLength, address(t), t.byteLength), "fetch", what);
    for (let i = 0; i + 1 < this.fields.length; i += 2) {
      const k = utf8(this.fields[i]);
      const v = utf8(this.fields[i + 1]);
      check(raw.fetchFieldAdd(h, address(k), k.byteLength, address(v), v.byteLength), "fetch", what);
    }
    if (this.body.byteLength) check(raw.fetchBodyAppend(h, this.body.dataStart, this.body.byteLength), "fetch", what);
    if (this.timeout) check(raw.fetchOptionSet(h, FetchOption.Timeout, this.timeout), "fetch", what);
    if (this.useCache) check(raw.fetchOptionSet(h, FetchOption.UseCache, 1), "fetch", what);
    check(raw.fetchSend(h), "fetch", what);
    return new Pending(h);
  }
}

/** A request that is under way. */
export class Pending {
  constructor(private handle: i32) {}

  /** Waits for the response's head. What went wrong, a host that does not answer say, is in the response's status. */
  wait(): FetchResponse {
    return new FetchResponse(this.handle, raw.fetchStatus(this.handle));
  }

  /** Ends the request, whatever its state. */
  close(): void {
    raw.fetchClose(this.handle);
  }
}

/** A response to a request of the function's own. */
export class FetchResponse {
  constructor(
    private handle: i32,
    /** The status code, or a Status below 0 if there is no response. */
    public status: i32,
  ) {}

  /** Whether there is a response, with a status of 200 to 299. */
  get ok(): bool {
    return this.status >= 200 && this.status < 300;
  }

  /** Why there is no response. */
  get error(): string {
    return this.status < 0 ? statusText(<Status>this.status) : "";
  }

  /** The value of the first field line of that name, null if there is none. */
  get(name: string): string | null {
    const k = utf8(name);
    let n: i32;
    do {
      n = raw.fetchField(this.handle, address(k), k.byteLength, 0, room(), capacity());
    } while (short(n));
    return text(n);
  }

  /** Name and value of each field line in turn. */
  entries(): string[] {
    let n: i32;
    do {
      n = raw.fetchFields(this.handle, room(), capacity());
    } while (short(n));
    return pairs(n);
  }

  /** Reads the next bytes of the body into b and returns how many; 0 at the end. */
  read(b: Uint8Array): i32 {
    return check(raw.fetchBodyRead(this.handle, b.dataStart, b.byteLength), "read body of fetch", "");
  }

  /** What is left of the body, an error if that is more than limit bytes. */
  bytes(limit: i32): Uint8Array {
    let all = new Uint8Array(min(limit + 1, 4096));
    let length = 0;
    while (true) {
      if (length == all.length) {
        const larger = new Uint8Array(min(limit + 1, 2 * length));
        memory.copy(larger.dataStart, all.dataStart, length);
        all = larger;
      }
      const n = check(raw.fetchBodyRead(this.handle, all.dataStart + length, all.length - length), "read body of fetch", "");
      if (n == 0) return all.subarray(0, length);
      length += n;
      if (length > limit) check(Status.TooLarge, "read body of fetch", "");
    }
  }

  /** What is left of the body as a text. */
  text(limit: i32): string {
    const b = this.bytes(limit);
    return String.UTF8.decodeUnsafe(b.dataStart, b.byteLength);
  }

  /** Ends the request; what was not read of the body is dropped. */
  close(): void {
    raw.fetchClose(this.handle);
  }
}

/** Sends a GET and waits for the response's head. */
export function fetch(origin: string, target: string): FetchResponse {
  return new FetchRequest(origin, target).send().wait();
}
