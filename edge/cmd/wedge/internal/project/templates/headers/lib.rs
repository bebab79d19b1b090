use wedge::{FetchedHook, ResponseHook, Result};

wedge::hooks! {
    on_fetched => strip,
    on_response => protect,
}

/// Makes a response fit for being stored and shared.
fn strip(h: &mut FetchedHook) -> Result {
    for name in ["Set-Cookie", "Server", "X-Powered-By"] {
        h.response().header().remove(name)?;
    }
    Ok(())
}

/// Sets what the origin has not set.
fn protect(h: &mut ResponseHook) -> Result {
    let policy = wedge::config("content_security_policy").unwrap_or_default();
    let header = h.response().header();
    for (name, value) in [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "SAMEORIGIN"),
        ("Referrer-Policy", "strict-origin-when-cross-origin"),
        ("Content-Security-Policy", &policy),
    ] {
        if !value.is_empty() && !header.has(name) {
            header.set(name, value)?;
        }
    }
    Ok(())
}
