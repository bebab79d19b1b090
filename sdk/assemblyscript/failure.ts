import * as raw from "./raw";
import { Status } from "./raw";

/** A status in words. */
export function statusText(status: Status): string {
  switch (status) {
    case Status.Ok: return "done";
    case Status.Absent: return "there is none";
    case Status.Invalid: return "invalid argument";
    case Status.NotAllowed: return "not allowed at this hook or for this binding";
    case Status.NotInExchange: return "not in an exchange: only config, secrets, log, clock and random work during initialisation";
    case Status.Limit: return "limit reached";
    case Status.Conflict: return "conflict: the value is not as the condition says";
    case Status.Io: return "network or disk failed";
    case Status.Timeout: return "not done in time";
    case Status.BadHandle: return "closed";
    case Status.Unavailable: return "not available on this node";
    case Status.TooLarge: return "body larger than max_body of the binding";
    case Status.NotNumber: return "the stored value is not a number";
    case Status.Frozen: return "the head has been sent already";
  }
  return "the node refused";
}

/** Ends the hook with an error that says what could not be done, if the result is a failure. */
export function check(result: i32, what: string, name: string): i32 {
  if (result >= 0) return result;
  const why = statusText(<Status>result);
  throw new Error(name.length ? what + ' "' + name + '": ' + why : what + ": " + why);
}

/**
 * What runs when the program throws: a log line with the message and its place, then the end of the hook. The compiler calls it
 * with --use abort=~lib/wedge/failure/abort.
 */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  let text = message ? message : "abort";
  if (file) text += " (" + file + ":" + line.toString() + ":" + column.toString() + ")";
  const b = String.UTF8.encode(text);
  raw.log(raw.Level.Error, changetype<usize>(b), b.byteLength, 0, 0);
  unreachable();
}
