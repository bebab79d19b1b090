//! Answers one request with what several origins say, asked at once: a dashboard in one round trip.

use wedge::{fetch, RequestHook, Result};

mod json;

wedge::hooks! { on_request => aggregate }

const MAX_PARTS: usize = 8; // what may be under way at once
const MAX_BODY: usize = 256 << 10; // of one part
const TIMEOUT: i64 = 800; // milliseconds

/// A member of the answer, and where it comes from.
struct Part {
    name: String,
    origin: String,
    target: String,
}

fn aggregate(h: &mut RequestHook) -> Result {
    let parts = parts()?;
    if !matches!(h.request().method().as_str(), "GET" | "HEAD") {
        return h.respond(405, "")?.header().set("Allow", "GET, HEAD");
    }
    // All are sent before one is waited for: the answer takes as long as the slowest, not as long as all together.
    let mut pending = Vec::new();
    for p in &parts {
        let request = fetch::Request { timeout: TIMEOUT, use_cache: true, fields: &[("Accept", "application/json")], ..fetch::origin(&p.origin, &p.target) };
        pending.push(request.send()?); // not allowed or malformed is the operator's mistake, which a null would hide
    }
    let (mut members, mut missing) = (Vec::new(), Vec::new());
    for (p, request) in parts.iter().zip(pending) {
        let value = answer(request).unwrap_or_else(|why| {
            // What is missing is null: a dashboard without the weather is better than none.
            wedge::log_with(wedge::Level::Warn, "a part is missing", &[("part", &p.name), ("why", &why.to_string())]);
            missing.push(p.name.as_str());
            "null".into()
        });
        members.push(format!("{}:{}", json::quoted(&p.name), value));
    }
    let status = if missing.len() == parts.len() { 502 } else { 200 };
    let r = h.respond(status, format!("{{{}}}\n", members.join(",")))?;
    r.header().set("Content-Type", "application/json")?;
    if !missing.is_empty() {
        r.header().set("X-Missing", &missing.join(" "))?;
    }
    // The parts are stored, each for as long as its origin says. The whole is made anew, which costs no origin anything.
    r.header().set("Cache-Control", "no-store")
}

/// Waits for a part. It must be JSON, so that a broken part does not break the whole.
fn answer(request: fetch::Pending) -> Result<String> {
    let mut r = request.response()?;
    if r.status != 200 {
        return Err("the origin did not answer 200".into());
    }
    let body = String::from_utf8(r.body(MAX_BODY)?).ok().filter(|b| json::is_valid(b));
    body.ok_or_else(|| "what came is no JSON".into())
}

/// Reads the parts, as "user=accounts/me; news=cms/latest?n=3": a name, an origin, a path.
fn parts() -> Result<Vec<Part>> {
    let text = wedge::config("parts").unwrap_or_default();
    let mut parts = Vec::new();
    for rule in text.split(';').map(str::trim).filter(|r| !r.is_empty()) {
        let read = || {
            let (name, from) = rule.split_once('=')?;
            let (origin, path) = from.split_once('/')?;
            let (name, origin) = (name.trim(), origin.trim());
            Some(Part { name: name.into(), origin: origin.into(), target: format!("/{}", path) }).filter(|_| !name.is_empty() && !origin.is_empty())
        };
        parts.push(read().ok_or_else(|| format!("config parts: \"{}\" is no part: write NAME=ORIGIN/PATH; NAME=ORIGIN/PATH", rule))?);
    }
    if parts.is_empty() || parts.len() > MAX_PARTS {
        return Err("config parts: from 1 to 8 of them".into());
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wedge::fake::{Node, Outcome, Response};

    #[test]
    fn puts_parts_together() {
        let node = Node::new();
        node.config("parts", "user=accounts/me; news=cms/latest?n=3");
        node.answer("accounts", "/me", Response { status: 200, fields: Vec::new(), body: b"{\"n\":1}".to_vec() });
        node.answer("cms", "/latest?n=3", Response { status: 200, fields: Vec::new(), body: b"{\"n\":".to_vec() });
        let x = node.exchange("GET", "https://www.example/");
        assert_eq!(x.call(exports::on_request), Outcome::Answered, "{:?}", node.log());
        let r = x.response();
        assert_eq!((r.status, r.body.as_slice(), r.get("X-Missing")), (200, &b"{\"user\":{\"n\":1},\"news\":null}\n"[..], Some("news")));
        assert_eq!(node.log(), ["warn: a part is missing part=news why=what came is no JSON"]);
        assert_eq!(node.fetches().len(), 2);

        node.config("parts", "user=accounts");
        assert_eq!(node.exchange("GET", "https://www.example/").call(exports::on_request), Outcome::Failed);
    }
}
