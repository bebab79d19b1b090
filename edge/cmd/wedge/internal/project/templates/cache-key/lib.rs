use wedge::{RequestHook, Result};

wedge::hooks! { on_request => normalise }

fn normalise(h: &mut RequestHook) -> Result {
    let query = h.request().query().unwrap_or_default();
    if !query.is_empty() {
        let mut kept: Vec<&str> = query.split('&').filter(|p| !p.is_empty() && !tracks(name(p))).collect();
        // Stable: the order of several values of one name may mean something.
        kept.sort_by(|a, b| name(a).cmp(name(b)));
        h.request().set_query(&kept.join("&"))?;
    }
    let agent = h.request().header().get("User-Agent").unwrap_or_default();
    let class = if agent.contains("Mobi") { "mobile" } else { "desktop" };
    h.key().add("device", class)?;
    h.request().header().set("X-Device-Class", class)
}

fn name(parameter: &str) -> &str {
    parameter.split('=').next().unwrap_or("")
}

fn tracks(name: &str) -> bool {
    name.starts_with("utm_") || name == "gclid" || name == "fbclid"
}
