// Asks another service about the token of each request before it lets the request pass, and counts what it was told.
export * from "@solo-io/proxy-runtime/proxy";
import {
  BufferTypeValues,
  Context,
  continue_request,
  Counter,
  FilterHeadersStatusValues,
  get_buffer_bytes,
  HeaderPair,
  registerRootContext,
  RootContext,
  send_local_response,
  stream_context,
  WasmResultValues,
} from "@solo-io/proxy-runtime/runtime";

// makeHeaderPair is a field of a map.
function makeHeaderPair(key: string, value: string): HeaderPair {
  return new HeaderPair(String.UTF8.encode(key), String.UTF8.encode(value));
}

// last is the answer that came last, of whatever stream of this instance.
let last: string = "";

class Askers extends RootContext {
  createContext(context_id: u32): Context {
    return new Asker(context_id, this);
  }
}

class Asker extends Context {
  constructor(context_id: u32, root_context: RootContext) {
    super(context_id, root_context);
  }

  onRequestHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const token = stream_context.headers.request.get("authorization");
    const fields = [
      makeHeaderPair(":method", "POST"),
      makeHeaderPair(":path", "/check"),
      makeHeaderPair(":authority", "tokens.example"),
      makeHeaderPair("x-asker", "wasm"),
    ];
    const sent = this.root_context.httpCall("shop", fields, String.UTF8.encode(token), new Array<HeaderPair>(), 1000, this,
      (from: Context, headers: u32, size: usize, trailers: u32) => {
        const answer = String.UTF8.decode(get_buffer_bytes(BufferTypeValues.HttpCallResponseBody, 0, <u32>size));
        new Counter("asked").increment(1);
        last = answer;
        if (headers == 0 || stream_context.headers.http_callback.get(":status") != "203") {
          send_local_response(502, "", String.UTF8.encode("nobody answers"), new Array<HeaderPair>(), 0);
          return;
        }
        stream_context.headers.request.add("x-answer", answer);
        stream_context.headers.request.remove("authorization");
        continue_request();
      });
    if (sent != WasmResultValues.Ok) {
      send_local_response(500, "", String.UTF8.encode("cannot ask"), new Array<HeaderPair>(), 0);
    }
    return FilterHeadersStatusValues.StopIteration;
  }

  onResponseHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-last", last);
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => new Askers(context_id), "callout");
