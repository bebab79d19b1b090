use wedge::{Counter, Fact, Level, RequestHook, Result};

wedge::hooks! { on_request => limit }

fn limit(h: &mut RequestHook) -> Result {
    let most = match wedge::config("limit") {
        Some(v) => v.parse().map_err(|_| "config limit: a number, please")?,
        None => 100,
    };
    let who = wedge::client(Fact::Network).unwrap_or_default();
    let n = Counter { key: &format!("requests of {}", who), window: 60_000 }.add(1)?;
    if n <= most {
        return Ok(());
    }
    wedge::log_with(Level::Info, "too many requests", &[("count", &n.to_string())]);
    let r = h.respond(429, "too many requests, try again in a minute\n")?;
    r.header().set("Retry-After", "60")
}
