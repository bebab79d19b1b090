import * as raw from "./raw";
import { check } from "./failure";
import { Keep, Key } from "./cache";
import { address, capacity, room, short, textOr, utf8 } from "./memory";
import { Request, RequestView, Response, Stream } from "./message";

function setOriginTo(name: string): void {
  const k = utf8(name);
  check(raw.originSet(address(k), k.byteLength), "choose origin", name);
}

function respondWith(status: i32, body: string): Response {
  const b = utf8(body);
  check(raw.respond(status, address(b), b.byteLength), "respond", "");
  return new Response();
}

/** What a function can see and do for each request of a client, before the cache is asked. */
export class RequestHook {
  /** The request. */
  readonly request: Request = new Request();
  /** What the cache key is made of. */
  readonly key: Key = new Key();
  private answered: bool = false;

  /**
   * Answers the request here: with that status (200 to 599), that body, and the headers that are set on the response afterwards.
   * Neither cache nor origin are asked. A second call replaces the first.
   */
  respond(status: i32, body: string): Response {
    const r = respondWith(status, body);
    this.answered = true;
    return r;
  }

  /** Whether respond was called. */
  get done(): bool {
    return this.answered;
  }

  /** Chooses the origin by its configured name. Add to the key what decided about it. */
  setOrigin(name: string): void {
    setOriginTo(name);
  }

  /** Neither looks the response up nor stores it. */
  bypass(): void {
    check(raw.cacheBypass(), "bypass cache", "");
  }

  /** Treats a stored response as stale: the origin is asked whether it is still right. */
  revalidate(): void {
    check(raw.cacheRevalidate(), "revalidate", "");
  }
}

/** What a function can see and do for each fetch, before the origin is asked. The request is the fetch's own copy. */
export class FetchHook {
  /** The request; Authorization and Cookie are hidden unless the binding reads them. */
  readonly request: Request = new Request();
  private answered: bool = false;

  /** Answers in the origin's place, as RequestHook.respond. */
  respond(status: i32, body: string): Response {
    const r = respondWith(status, body);
    this.answered = true;
    return r;
  }

  /** Whether respond was called. */
  get done(): bool {
    return this.answered;
  }

  /** Chooses the origin by its configured name. */
  setOrigin(name: string): void {
    setOriginTo(name);
  }
}

/** What a function can see and do for each response of the origin, before it is kept: what is changed is what the cache stores. */
export class FetchedHook {
  /** The request of the fetch. */
  readonly request: RequestView = new RequestView();
  /** The origin's response. */
  readonly response: Response = new Response();
  /** For how long it is kept. */
  readonly keep: Keep = new Keep();

  /** Transforms a body of any size; it is the last thing that the hook does. */
  stream(): Stream {
    return new Stream();
  }
}

/** What a function can see and do for a fetch that failed. */
export class ErrorHook {
  /** The request of the fetch. */
  readonly request: RequestView = new RequestView();
  /** For how long the response that was made is kept: not before respond. */
  readonly keep: Keep = new Keep();
  private answered: bool = false;

  /** Why the fetch failed, as one word of the access log, such as "origin-timeout". */
  get failure(): string {
    let n: i32;
    do {
      n = raw.failure(room(), capacity());
    } while (short(n));
    return textOr(n);
  }

  /** Answers in the origin's place, as RequestHook.respond. */
  respond(status: i32, body: string): Response {
    const r = respondWith(status, body);
    this.answered = true;
    return r;
  }

  /** Whether respond was called. */
  get done(): bool {
    return this.answered;
  }

  /** Chooses the origin that is asked next. */
  setOrigin(name: string): void {
    setOriginTo(name);
  }
}

/** What a function can see and do for each response to a client, stored ones too. */
export class ResponseHook {
  /** The request as it was after on_request. */
  readonly request: RequestView = new RequestView();
  /** The response to this client. */
  readonly response: Response = new Response();

  /** Transforms a body of any size; it is the last thing that the hook does. */
  stream(): Stream {
    return new Stream();
  }
}

/** Runs f as the hook on_request: export function on_request(): i32 { return onRequest(f); } */
export function onRequest(f: (h: RequestHook) => void): i32 {
  const h = new RequestHook();
  f(h);
  return h.done ? 1 : 0;
}

/** Runs f as the hook on_fetch. */
export function onFetch(f: (h: FetchHook) => void): i32 {
  const h = new FetchHook();
  f(h);
  return h.done ? 1 : 0;
}

/** Runs f as the hook on_fetched. */
export function onFetched(f: (h: FetchedHook) => void): i32 {
  f(new FetchedHook());
  return 0;
}

/** Runs f as the hook on_error. */
export function onError(f: (h: ErrorHook) => void): i32 {
  const h = new ErrorHook();
  f(h);
  return h.done ? 1 : 0;
}

/** Runs f as the hook on_response. */
export function onResponse(f: (h: ResponseHook) => void): i32 {
  f(new ResponseHook());
  return 0;
}
