// Writes the request's body in capitals, and puts a line under each response that is text.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  BufferTypeValues,
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  get_buffer_bytes,
  registerRootContext,
  RootContext,
  set_buffer_bytes,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

class Bodies extends RootContext {
  createContext(context_id: u32): Context {
    return new Body(context_id, this);
  }
}

class Body extends Context {
  isText: bool = false;
  shown: u32 = 0;

  constructor(context_id: u32, root_context: RootContext) {
    super(context_id, root_context);
  }

  onRequestHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    if (!end_of_stream) {
      stream_context.headers.request.remove("content-length");
      stream_context.headers.request.add("x-written", "in capitals");
    }
    return FilterHeadersStatusValues.Continue;
  }

  onRequestBody(size: usize, end_of_stream: bool): FilterDataStatusValues {
    if (!end_of_stream) {
      return FilterDataStatusValues.StopIterationAndBuffer;
    }
    const body = String.UTF8.decode(get_buffer_bytes(BufferTypeValues.HttpRequestBody, 0, <u32>size));
    set_buffer_bytes(BufferTypeValues.HttpRequestBody, 0, <u32>size, String.UTF8.encode(body.toUpperCase()));
    return FilterDataStatusValues.Continue;
  }

  onResponseHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const response = stream_context.headers.response;
    this.isText = response.get("content-type").startsWith("text/");
    if (this.isText) {
      response.remove("content-length");
    }
    return FilterHeadersStatusValues.Continue;
  }

  onResponseBody(size: usize, end_of_stream: bool): FilterDataStatusValues {
    this.shown += 1;
    if (!this.isText || !end_of_stream) {
      return FilterDataStatusValues.Continue;
    }
    const line = String.UTF8.encode("\n-- the end");
    set_buffer_bytes(BufferTypeValues.HttpResponseBody, <u32>size, 0, line);
    return FilterDataStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => new Bodies(context_id), "body");
