import * as raw from "./raw";
import { KeyOption, Status } from "./raw";
import { check } from "./failure";
import { address, bytes, capacity, room, short, textOr, utf8 } from "./memory";

/** What the cache key is made of. Requests with the same key share stored responses. */
export class Key {
  /** Adds a named part, such as a cohort or a language. Take values from a small set, never as the client sent them. */
  add(name: string, value: string): void {
    const k = utf8(name);
    const v = utf8(value);
    check(raw.cacheKeyAdd(address(k), k.byteLength, address(v), v.byteLength), "add to key", name);
  }

  /** Puts value in the place of path and query. */
  set(value: string): void {
    const v = utf8(value);
    check(raw.cacheKeySet(address(v), v.byteLength), "set key", "");
  }

  /** Leaves a parameter of the query out of the key; a trailing "*" stands for any rest, as in "utm_*". */
  ignore(parameter: string): void {
    const k = utf8(parameter);
    check(raw.cacheKeyIgnore(address(k), k.byteLength), "ignore in key", parameter);
  }

  /** Leaves the whole query out of the key. */
  ignoreQuery(): void {
    check(raw.cacheKeyOption(KeyOption.IgnoreQuery), "ignore query in key", "");
  }

  /** Makes queries equal that differ only in the order of their parameters. */
  sortQuery(): void {
    check(raw.cacheKeyOption(KeyOption.SortQuery), "sort query in key", "");
  }

  /** Makes paths and queries equal that differ only in case. */
  lowerCase(): void {
    check(raw.cacheKeyOption(KeyOption.LowerCase), "lower case in key", "");
  }
}

/** For how long a response is kept, and under which tags. Times are milliseconds. */
export class Keep {
  /** For how long the response is fresh, in place of what its headers say; 0 makes it stale at once. */
  setTtl(ms: i64): void {
    check(raw.cacheTtlSet(ms), "set TTL", "");
  }

  /** For how long after that it may be served stale. */
  setGrace(ms: i64): void {
    check(raw.cacheGraceSet(ms), "set grace", "");
  }

  /** Adds a tag by which the response can be purged. */
  addTag(tag: string): void {
    const k = utf8(tag);
    check(raw.cacheTagAdd(address(k), k.byteLength), "add tag", tag);
  }

  /** Keeps the response out of the cache. */
  noStore(): void {
    check(raw.cacheNoStore(), "keep out of the cache", "");
  }
}

/** Where the response came from, as the access log says it: "hit", "stale", "miss", "pass"; "" as long as that is open. */
export function outcome(): string {
  let n: i32;
  do {
    n = raw.cacheOutcome(room(), capacity());
  } while (short(n));
  return textOr(n);
}

/** The hashed key of this exchange in hexadecimal digits, "" if none was made. */
export function cacheKey(): string {
  let n: i32;
  do {
    n = raw.cacheKey(room(), capacity());
  } while (short(n));
  return textOr(n);
}

/** The cache as a store: values that may vanish at any time, shared by all functions of one owner. */
export class CacheStore {
  /** The value under the key, null if it is not there. */
  get(key: string): Uint8Array | null {
    const k = utf8(key);
    let n: i32;
    do {
      n = raw.storeGet(address(k), k.byteLength, room(), capacity());
    } while (short(n));
    if (n != Status.Absent) check(n, "cache get", key);
    return bytes(n);
  }

  /** Keeps a value for at most that many milliseconds. It goes with any of its tags. */
  put(key: string, value: Uint8Array, ttl: i64, tags: string[] = []): void {
    const k = utf8(key);
    const t = utf8(tags.join(" "));
    check(raw.storePut(address(k), k.byteLength, value.dataStart, value.byteLength, ttl, address(t), t.byteLength), "cache put", key);
  }

  /** Removes a value, and says whether there was one. */
  delete(key: string): bool {
    const k = utf8(key);
    const n = raw.storeDelete(address(k), k.byteLength);
    if (n == Status.Absent) return false;
    check(n, "cache delete", key);
    return true;
  }
}

/** Purges what carries the tag, stored responses too; soft makes it stale instead. The number of objects, 0 if the node does not count them. */
export function purgeTag(tag: string, soft: bool = false): i32 {
  const k = utf8(tag);
  return check(raw.purgeTag(address(k), k.byteLength, soft ? 1 : 0), "purge tag", tag);
}
