// Lets only those pass who have a URL that the site signed, until the time that stands in it, and stores one response for all of them.
import { HashFunction, RequestHook, configOr, encode, fromBase64url, hmacSecret, now, onRequest, sameSecret } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(admit);
}

function admit(h: RequestHook): void {
  const q = h.request;
  // A link is for reading: what it leads to must not be changed by whoever has it.
  if (q.method != "GET" && q.method != "HEAD") return refuse(h, 403, "a signed link is for GET and HEAD");
  const query = q.query;
  const s = new Signed(query === null ? "" : query);
  if (s.wrong.length) return refuse(h, 400, s.wrong);
  if (!s.signature) return refuse(h, 403, "this address needs a signature");
  // Whether a link is forged or has expired is said only about signatures that are good: to others it would tell how far they got.
  if (!s.good(q.host, q.path)) return refuse(h, 403, "the signature is not good for this address");
  if (now() / 1000 >= s.until) return refuse(h, 410, "this link has expired");
  // Neither the origin nor the cache sees what is the client's own: one stored response serves all who may have it.
  q.setQuery(s.rest);
}

/** What a query holds: the three parameters of a signature, and the rest as it came. */
class Signed {
  expires: string = ""; // seconds since 1970
  prefix: string = ""; // the path that the signature is good for, with all below it; empty: this path alone
  signature: string = ""; // of all that, in base64url without padding
  rest: string = "";
  until: i64 = 0;
  wrong: string = ""; // what is wrong with it

  constructor(query: string) {
    const pairs = query.split("&");
    for (let i = 0; i < pairs.length; i++) {
      const pair = pairs[i];
      const eq = pair.indexOf("=");
      const name = eq < 0 ? pair : pair.substring(0, eq);
      const value = eq < 0 ? "" : pair.substring(eq + 1);
      // Of two values the origin might believe the one that was not checked.
      if (name == "expires") {
        if (this.expires.length) this.wrong = twice;
        this.expires = value;
      } else if (name == "prefix") {
        if (this.prefix.length) this.wrong = twice;
        this.prefix = value;
      } else if (name == "signature") {
        if (this.signature.length) this.wrong = twice;
        this.signature = value;
      } else if (pair.length) {
        this.rest = this.rest.length ? this.rest + "&" + pair : pair;
      }
    }
    if (!this.wrong && this.signature.length) {
      this.until = I64.parseInt(this.expires);
      if (this.until < 0 || this.until.toString() != this.expires) this.wrong = "expires is no number of seconds since 1970";
    }
  }

  /** Whether the signature is right, for this host and path. */
  good(host: string, path: string): bool {
    let what = path;
    if (this.prefix.length) {
      // A prefix ends with a slash: "/films/7" would be good for /films/70 too.
      if (!this.prefix.startsWith("/") || !this.prefix.endsWith("/") || !path.startsWith(this.prefix)) return false;
      // The node resolves "..", but to some origins "..;x" is the folder above as well.
      if (path.includes("/..", this.prefix.length - 1)) return false;
      what = this.prefix + "*";
    }
    const claimed = fromBase64url(this.signature);
    if (claimed === null) return false;
    // All of the query is signed, unless the operator lets clients choose the rest.
    const free = this.prefix.length > 0 || configOr("query", "") == "free";
    // The secret stays with the node. Lines end each part, and none can hold a line's end.
    const sum = hmacSecret(HashFunction.Sha256, "key", encode(host + "\n" + what + "\n" + this.until.toString() + "\n" + (free ? "" : this.rest)));
    return sameSecret(sum, claimed);
  }
}

const twice = "a parameter of the signature stands twice";

function refuse(h: RequestHook, status: i32, why: string): void {
  const headers = h.respond(status, why + "\n").headers;
  headers.set("Content-Type", "text/plain; charset=utf-8");
  headers.set("Cache-Control", "no-store");
}
