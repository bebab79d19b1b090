import * as raw from "./raw";
import { Message, Part } from "./raw";
import { check } from "./failure";
import { Headers, HeadersView } from "./headers";
import { address, bytes, capacity, room, short, text, textOr, utf8 } from "./memory";

function part(p: Part): i32 {
  let n: i32;
  do {
    n = raw.requestPart(p, room(), capacity());
  } while (short(n));
  return n;
}

function setPart(p: Part, value: string, what: string): void {
  const v = utf8(value);
  check(raw.requestPartSet(p, address(v), v.byteLength), what, value);
}

/** A request that can be read. */
export class RequestView {
  /** Its header. */
  readonly fields: HeadersView = new HeadersView(Message.Request);

  /** The method; methods are case-sensitive. */
  get method(): string {
    return textOr(part(Part.Method));
  }

  /** "http" or "https". */
  get scheme(): string {
    return textOr(part(Part.Scheme));
  }

  /** The authority in lower case, without the scheme's default port. */
  get host(): string {
    return textOr(part(Part.Host));
  }

  /** The path in normal form; it begins with "/". */
  get path(): string {
    return textOr(part(Part.Path));
  }

  /** What follows "?", undecoded; null if there is no "?". */
  get query(): string | null {
    return text(part(Part.Query));
  }

  /** Path, and "?" and query if there is a query. */
  get uri(): string {
    return textOr(part(Part.Uri));
  }

  /** The version of HTTP that the client spoke: "1.0", "1.1", "2" or "3". */
  get protocol(): string {
    return textOr(part(Part.Protocol));
  }

  /** The value of the first cookie of that name, as the client sent it: it may be anything. */
  cookie(name: string): string | null {
    const lines = this.fields.getAll("Cookie");
    for (let i = 0; i < lines.length; i++) {
      const list = lines[i].split(";");
      for (let k = 0; k < list.length; k++) {
        const pair = list[k];
        const eq = pair.indexOf("=");
        if (eq >= 0 && pair.substring(0, eq).trim() == name) return pair.substring(eq + 1).trim();
      }
    }
    return null;
  }
}

/** A request that can be changed. A changed host or path changes what the cache and the origin see; it is not routed again. */
export class Request extends RequestView {
  /** Its header. */
  readonly headers: Headers = new Headers(Message.Request);
  /** Its body. */
  readonly body: Body = new Body(Message.Request);

  /** Changes the method; not to CONNECT or TRACE. */
  setMethod(method: string): void {
    setPart(Part.Method, method, "set method");
  }

  /** Changes the host. */
  setHost(host: string): void {
    setPart(Part.Host, host, "set host");
  }

  /** Changes the path. It must begin with "/" and may not have dot segments, backslashes or control characters. */
  setPath(path: string): void {
    setPart(Part.Path, path, "set path");
  }

  /** Changes what follows "?"; "" removes it together with the "?". */
  setQuery(query: string): void {
    setPart(Part.Query, query, "set query");
  }

  /** Changes path and query at once. */
  setUri(uri: string): void {
    setPart(Part.Uri, uri, "set URI");
  }
}

/** A response that can be read and changed. */
export class Response {
  /** Its header. */
  readonly headers: Headers = new Headers(Message.Response);
  /** Its body. */
  readonly body: Body = new Body(Message.Response);

  /** The status code. */
  get status(): i32 {
    return max(0, raw.responseStatus());
  }

  /** Changes the status code, 200 to 599; to 204 or 304 only if there is no body. */
  setStatus(code: i32): void {
    check(raw.responseStatusSet(code), "set status", "");
  }
}

/**
 * A body. Bodies of responses are seen decoded. What is read or replaced as a whole is held by the node, up to the binding's
 * max_body; a body of any size is transformed by stream.
 */
export class Body {
  constructor(private side: Message) {}

  /** The whole body, and waits for it. */
  bytes(): Uint8Array {
    let n: i32;
    do {
      n = raw.body(this.side, room(), capacity());
    } while (short(n));
    check(n, "read body", "");
    return bytes(n)!;
  }

  /** The whole body as a text. */
  text(): string {
    let n: i32;
    do {
      n = raw.body(this.side, room(), capacity());
    } while (short(n));
    check(n, "read body", "");
    return textOr(n);
  }

  /** The first bytes of the body, at most so many. The body is sent as if it had not been read. */
  peek(length: i32): Uint8Array {
    const b = new Uint8Array(length);
    const n = check(raw.bodyPeek(this.side, b.dataStart, length), "peek at body", "");
    return b.subarray(0, n);
  }

  /** Replaces the body. */
  set(content: string): void {
    const b = utf8(content);
    check(raw.bodySet(this.side, address(b), b.byteLength), "set body", "");
  }

  /** Replaces the body. */
  setBytes(content: Uint8Array): void {
    check(raw.bodySet(this.side, content.dataStart, content.byteLength), "set body", "");
  }

  /** Appends to a body that set or respond has given in this hook. */
  append(content: string): void {
    const b = utf8(content);
    check(raw.bodyAppend(this.side, address(b), b.byteLength), "append to body", "");
  }
}

/** A body that comes and the one that goes in its place: read, write, and return from the hook at the end. */
export class Stream {
  /** Sends the head as it is. The hook then runs beside the sending; an error cuts the body visibly. */
  constructor() {
    check(raw.bodyStreamBegin(), "stream body", "");
  }

  /** Reads the next bytes into b and returns how many; 0 at the end. */
  read(b: Uint8Array): i32 {
    return check(raw.bodyStreamRead(b.dataStart, b.byteLength), "read body", "");
  }

  /** Sends bytes of the new body. */
  write(b: Uint8Array): void {
    check(raw.bodyStreamWrite(b.dataStart, b.byteLength), "write body", "");
  }

  /** Sends a text of the new body. */
  writeText(s: string): void {
    const b = utf8(s);
    check(raw.bodyStreamWrite(address(b), b.byteLength), "write body", "");
  }
}
