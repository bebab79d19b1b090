import * as raw from "./raw";
import { Level } from "./raw";
import { check } from "./failure";
import { address, packed, utf8 } from "./memory";

/** Writes a line to the function's log; fields are names and values in turn. What is too long is cut, and no log fails a function. */
export function log(level: Level, line: string, fields: string[] = []): void {
  const l = utf8(line);
  const f = packed(fields);
  raw.log(level, address(l), l.byteLength, address(f), f.byteLength);
}

/** Adds to a counter that comes out on the node's /metrics under the function's name. */
export function count(name: string, delta: i64 = 1): void {
  const k = utf8(name);
  check(raw.metricAdd(address(k), k.byteLength, delta), "count", name);
}

/** Adds an observation to a histogram of that name. */
export function observe(name: string, value: f64): void {
  const k = utf8(name);
  check(raw.metricObserve(address(k), k.byteLength, value), "observe", name);
}

/** A span in the exchange's trace, as a child of the one that is open. Where the node does not trace, nothing happens. */
export class Span {
  private handle: i32;

  constructor(name: string) {
    const k = utf8(name);
    this.handle = raw.spanBegin(address(k), k.byteLength);
  }

  /** Gives the span an attribute. */
  set(name: string, value: string): void {
    if (this.handle <= 0) return;
    const k = utf8(name);
    const v = utf8(value);
    raw.spanSet(this.handle, address(k), k.byteLength, address(v), v.byteLength);
  }

  /** Ends the span. */
  end(): void {
    if (this.handle > 0) raw.spanEnd(this.handle);
  }
}
