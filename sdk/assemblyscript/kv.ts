import * as raw from "./raw";
import { Condition, Status } from "./raw";
import { check } from "./failure";
import { address, bytes, capacity, room, short, text, textOr, utf8 } from "./memory";

/** What a store keeps under a key. */
export class Entry {
  constructor(
    /** The value. */
    public value: Uint8Array,
    /** What was put beside it. */
    public metadata: Uint8Array,
    /** Its version, for a compare-and-swap. */
    public version: u64,
    /** When it expires, in milliseconds since 1970; 0 is never. */
    public expires: i64,
  ) {}

  /** The value as a text. */
  get text(): string {
    return String.UTF8.decodeUnsafe(this.value.dataStart, this.value.byteLength);
  }
}

/** An entry without its value. */
export class Listed {
  constructor(
    /** The key. */
    public key: string,
    /** What was put beside the value. */
    public metadata: Uint8Array,
    /** The version. */
    public version: u64,
    /** When it expires, in milliseconds since 1970; 0 is never. */
    public expires: i64,
  ) {}
}

/** A part of a listing. */
export class Page {
  constructor(
    /** The entries, in ascending order of their keys. */
    public entries: Listed[],
    /** The cursor of the next page, "" after the last. */
    public next: string,
  ) {}
}

/** The life of a value and the condition of its writing. */
export class PutOptions {
  /** Milliseconds; 0 is for ever. */
  ttl: i64 = 0;
  /** What stands beside the value. */
  metadata: Uint8Array = new Uint8Array(0);
  /** Only if the key has no value. */
  ifAbsent: bool = false;
  /** Only if the value has this version; 0 is no condition. */
  ifVersion: u64 = 0;
}

/** What became of a put. */
export class Put {
  constructor(
    /** False if the condition did not hold: somebody was faster. */
    public done: bool,
    /** The new version, or the present one if it was not done. */
    public version: u64,
  ) {}
}

const about = memory.data(16, 8);

/** A store that keeps what was put, by its name. The binding lists the stores that a function may use. */
export class KV {
  constructor(
    /** Its name. */
    public name: string,
  ) {}

  private open(): i32 {
    const k = utf8(this.name);
    return check(raw.kvOpen(address(k), k.byteLength), "open store", this.name);
  }

  private get_(h: i32, key: string): i32 {
    const k = utf8(key);
    let n: i32;
    do {
      n = raw.kvGet(h, address(k), k.byteLength, room(), capacity(), about);
    } while (short(n));
    if (n != Status.Absent) check(n, "kv get", this.name + "/" + key);
    return n;
  }

  /** The value under the key as a text, null if there is none. */
  getText(key: string): string | null {
    return text(this.get_(this.open(), key));
  }

  /** The entry under the key, null if there is none. */
  get(key: string): Entry | null {
    const h = this.open();
    const n = this.get_(h, key);
    if (n < 0) return null;
    const value = bytes(n)!;
    const version = load<u64>(about);
    const expires = load<i64>(about, 8);
    let m: i32;
    do {
      m = raw.kvMetadata(h, room(), capacity());
    } while (short(m));
    check(m, "kv get", this.name + "/" + key);
    return new Entry(value, bytes(m)!, version, expires);
  }

  /** Puts a value. A compare-and-swap is a get, then a put with ifVersion. */
  put(key: string, value: Uint8Array, options: PutOptions = new PutOptions()): Put {
    const h = this.open();
    const k = utf8(key);
    const m = options.metadata;
    let c = Condition.Always;
    if (options.ifAbsent) c = Condition.IfAbsent;
    else if (options.ifVersion != 0) c = Condition.IfVersion;
    const n = raw.kvPut(h, address(k), k.byteLength, value.dataStart, value.byteLength, m.dataStart, m.byteLength, options.ttl, c, <i64>options.ifVersion, about);
    if (n != Status.Conflict) check(n, "kv put", this.name + "/" + key);
    return new Put(n >= 0, load<u64>(about));
  }

  /** Puts a text. */
  putText(key: string, value: string, options: PutOptions = new PutOptions()): Put {
    return this.put(key, Uint8Array.wrap(utf8(value)), options);
  }

  /** Removes a value, and says whether there was one. */
  delete(key: string): bool {
    const h = this.open();
    const k = utf8(key);
    const n = raw.kvDelete(h, address(k), k.byteLength, Condition.Always, 0);
    if (n == Status.Absent) return false;
    check(n, "kv delete", this.name + "/" + key);
    return true;
  }

  /** Adds to a number, atomically, and returns the sum. A key without a value counts as 0 and gets the ttl in milliseconds, 0 for ever. */
  add(key: string, delta: i64, ttl: i64 = 0): i64 {
    const h = this.open();
    const k = utf8(key);
    check(raw.kvAdd(h, address(k), k.byteLength, delta, ttl, about), "kv add", this.name + "/" + key);
    return load<i64>(about);
  }

  /** The entries whose keys begin with prefix: at most limit (1 to 1000), after the cursor of the page before ("" for the first). */
  list(prefix: string, cursor: string = "", limit: i32 = 100): Page {
    const h = this.open();
    const p = utf8(prefix);
    const c = utf8(cursor);
    let n: i32;
    do {
      n = raw.kvList(h, address(p), p.byteLength, address(c), c.byteLength, limit, room(), capacity());
    } while (short(n));
    check(n, "kv list", this.name + "/" + prefix);
    const all = bytes(n)!;
    const entries: Listed[] = [];
    let at = all.dataStart;
    const end = at + n;
    while (at + 24 <= end) {
      const key = load<u32>(at);
      const metadata = load<u32>(at, 4);
      const version = load<u64>(at, 8);
      const expires = load<i64>(at, 16);
      at += 24;
      if (key > <u32>(end - at) || metadata > <u32>(end - at) - key) break;
      const m = new Uint8Array(metadata);
      memory.copy(m.dataStart, at + key, metadata);
      entries.push(new Listed(String.UTF8.decodeUnsafe(at, key), m, version, expires));
      at += key + metadata;
    }
    do {
      n = raw.kvListCursor(h, room(), capacity());
    } while (short(n));
    check(n, "kv list", this.name + "/" + prefix);
    return new Page(entries, textOr(n));
  }
}

/** What happens under a key within a sliding window in milliseconds (1000 to 86400000), counted in the memory of one node. */
export class Counter {
  constructor(
    /** 1 to 512 bytes. */
    public key: string,
    /** Milliseconds. */
    public window: i64,
  ) {}

  /** Adds delta and returns what the window holds now. */
  add(delta: i64): i64 {
    const k = utf8(this.key);
    check(raw.counterAdd(address(k), k.byteLength, this.window, delta, about), "counter add", this.key);
    return load<i64>(about);
  }

  /** What the window holds now. */
  read(): i64 {
    const k = utf8(this.key);
    check(raw.counterRead(address(k), k.byteLength, this.window, about), "counter read", this.key);
    return load<i64>(about);
  }
}

/** Puts a key aside for that many milliseconds; 0 ends it. */
export function penalise(key: string, ms: i64): void {
  const k = utf8(key);
  check(raw.penaltySet(address(k), k.byteLength, ms), "penalise", key);
}

/** For how many more milliseconds a key is put aside, 0 if it is not. */
export function penalty(key: string): i64 {
  const k = utf8(key);
  check(raw.penalty(address(k), k.byteLength, about), "penalty", key);
  return load<i64>(about);
}
