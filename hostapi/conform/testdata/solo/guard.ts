// Lets a request pass that has a key from the configuration, sorts visitors into two groups, and breaks when it is asked to.
export * from "@solo-io/proxy-runtime/proxy";
import {
  Context,
  FilterHeadersStatusValues,
  get_property,
  log,
  LogLevelValues,
  HeaderPair,
  registerRootContext,
  RootContext,
  send_local_response,
  set_property,
  stream_context,
} from "@solo-io/proxy-runtime/runtime";

// makeHeaderPair is a field of a map.
function makeHeaderPair(key: string, value: string): HeaderPair {
  return new HeaderPair(String.UTF8.encode(key), String.UTF8.encode(value));
}

class Guards extends RootContext {
  createContext(context_id: u32): Context {
    return new Guard(context_id, this);
  }
}

// group sorts a text into one of two groups, always the same.
function group(text: string): string {
  let sum: u32 = 2166136261;
  for (let i = 0; i < text.length; i++) {
    sum = (sum ^ (<u32>text.charCodeAt(i))) * 16777619;
  }
  return sum % 2 == 0 ? "a" : "b";
}

class Guard extends Context {
  visitors: string = "";

  constructor(context_id: u32, root_context: RootContext) {
    super(context_id, root_context);
  }

  onRequestHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const request = stream_context.headers.request;
    const path = String.UTF8.decode(get_property("request.path"));
    if (request.get("x-break") != "") {
      unreachable();
    }
    if (request.get("x-key") != this.root_context.getConfiguration()) {
      log(LogLevelValues.warn, "no key for " + path);
      const fields = [makeHeaderPair("www-authenticate", "Key"), makeHeaderPair("cache-control", "no-store")];
      send_local_response(401, "no key", String.UTF8.encode("show a key\n"), fields, 0);
      return FilterHeadersStatusValues.StopIteration;
    }
    this.visitors = group(request.get("x-visitor"));
    request.remove("x-key");
    request.add("x-group", this.visitors);
    set_property("wedge.cache_key", String.UTF8.encode(path + "#" + this.visitors));
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-group", this.visitors);
    stream_context.headers.response.replace("server", "guarded");
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => new Guards(context_id), "guard");
