use wedge::{RequestHook, ResponseHook, Result};

wedge::hooks! {
    on_request => route,
    on_response => remember,
}

fn route(h: &mut RequestHook) -> Result {
    let cohort = match h.request().cookie("ab").as_deref() {
        Some("a") => "a",
        Some("b") => "b",
        _ => {
            // A new client, or one that made something up.
            let weight = wedge::config("weight").and_then(|w| w.parse().ok()).unwrap_or(50);
            let cohort = if wedge::random::below(100) < weight { "b" } else { "a" };
            wedge::set_var("new-cohort", cohort)?;
            cohort
        }
    };
    h.key().add("ab", cohort)?;
    // The cookie has done its work. Left in the request, it would make the response one that belongs to a user.
    h.request().header().remove("Cookie")?;
    h.request().header().set("X-Cohort", cohort)
}

fn remember(h: &mut ResponseHook) -> Result {
    // Caches between the node and the client must keep cohorts apart, and what gives one client its cohort from all others.
    h.response().header().add("Vary", "Cookie")?;
    match wedge::var("new-cohort") {
        None => Ok(()),
        Some(cohort) => {
            let cookie = format!("ab={}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax", cohort);
            h.response().header().add("Cache-Control", "private")?;
            h.response().header().add("Set-Cookie", &cookie)
        }
    }
}
