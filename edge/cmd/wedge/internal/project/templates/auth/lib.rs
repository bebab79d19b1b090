use wedge::{RequestHook, Result};

wedge::hooks! { on_request => guard }

fn guard(h: &mut RequestHook) -> Result {
    let key = wedge::secret("key").unwrap_or_default();
    if key.len() < 16 {
        return Err("secret key: set one of 16 bytes or more".into());
    }
    let credentials = h.request().header().get("Authorization").unwrap_or_default();
    if let Some(token) = credentials.strip_prefix("Bearer ") {
        if wedge::crypto::equal(token, &key) {
            // What is answered may be for this user only: past the cache.
            h.bypass()?;
            return h.request().header().remove("Authorization");
        }
    }
    let error = if credentials.is_empty() { "" } else { ", error=\"invalid_token\"" };
    let r = h.respond(401, "who are you?\n")?;
    r.header().set("WWW-Authenticate", &format!("Bearer realm=\"wedge\"{}", error))?;
    r.header().set("Cache-Control", "no-store")
}
