// Signs the request's body with a sum that the origin can compare, refuses what is too long, and weighs the response.
export * from "@solo-io/proxy-runtime/proxy";
import {
  BufferTypeValues,
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  get_buffer_bytes,
  HeaderPair,
  log,
  LogLevelValues,
  registerRootContext,
  RootContext,
  send_local_response,
  stream_context,
} from "@solo-io/proxy-runtime/runtime";

class Bodies extends RootContext {
  createContext(context_id: u32): Context {
    return new Body(context_id, this);
  }
}

// sum is a checksum of bytes.
function sum(b: ArrayBuffer): u32 {
  const bytes = Uint8Array.wrap(b);
  let out: u32 = 1;
  for (let i = 0; i < bytes.length; i++) {
    out = out * 31 + bytes[i];
  }
  return out;
}

class Body extends Context {
  weight: u32 = 0;

  constructor(context_id: u32, root_context: RootContext) {
    super(context_id, root_context);
  }

  onRequestBody(size: usize, end_of_stream: bool): FilterDataStatusValues {
    if (!end_of_stream) {
      return FilterDataStatusValues.StopIterationAndBuffer;
    }
    if (size > 100) {
      send_local_response(413, "", String.UTF8.encode("too long"), new Array<HeaderPair>(), 0);
      return FilterDataStatusValues.StopIterationAndBuffer;
    }
    const body = get_buffer_bytes(BufferTypeValues.HttpRequestBody, 0, <u32>size);
    stream_context.headers.request.add("x-sum", sum(body).toString());
    return FilterDataStatusValues.Continue;
  }

  onResponseHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-weighed", end_of_stream ? "no" : "yes");
    return FilterHeadersStatusValues.Continue;
  }

  onResponseBody(size: usize, end_of_stream: bool): FilterDataStatusValues {
    const part = get_buffer_bytes(BufferTypeValues.HttpResponseBody, 0, <u32>size);
    this.weight += <u32>part.byteLength;
    if (end_of_stream) {
      log(LogLevelValues.info, "the response weighs " + this.weight.toString());
    }
    return FilterDataStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => new Bodies(context_id), "body");
