use wedge::{RequestHook, Result};

wedge::hooks! { on_request => greet }

fn greet(h: &mut RequestHook) -> Result {
    if h.request().path() != "/hello" {
        return Ok(()); // go on: the cache, then the origin
    }
    let name = wedge::config("name").unwrap_or_else(|| "world".to_string());
    let r = h.respond(200, format!("Hello, {}, from the edge\n", name))?;
    r.header().set("Content-Type", "text/plain; charset=utf-8")
}
