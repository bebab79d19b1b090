use wedge::{Kv, RequestHook, Result};

wedge::hooks! { on_request => redirect }

const REDIRECTS: Kv = Kv("redirects");

fn redirect(h: &mut RequestHook) -> Result {
    match REDIRECTS.text(&h.request().path())? {
        None => Ok(()),
        Some(to) => h.respond(301, "")?.header().set("Location", &to),
    }
}
