use wedge::{Kv, RequestHook, Result};

wedge::hooks! { on_request => redirect }

const REDIRECTS: Kv = Kv("redirects");
const LONGEST: usize = 1024; // bytes that a key may have; a path may have more

fn redirect(h: &mut RequestHook) -> Result {
    let path = h.request().path();
    if path.len() > LONGEST {
        return Ok(());
    }
    match REDIRECTS.text(&path)? {
        None => Ok(()),
        Some(to) => h.respond(301, "")?.header().set("Location", &to),
    }
}
