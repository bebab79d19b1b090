//! Keeps who is logged in at the edge: the origin logs people in and out, the function keeps the session in a store, and every other request reaches the
//! origin with the user's name, which no client can forge.

use wedge::{crypto, FetchedHook, HashFunction, Kv, Level, PutOptions, RequestHook, ResponseHook, Result, Status};

wedge::hooks! {
    on_request => recognise,
    on_fetched => keep_apart,
    on_response => settle,
}

/// The fields between function and origin. The origin logs a user in by answering with USER, and out by answering with END; clients see neither.
const USER: &str = "X-Session-User";
const END: &str = "X-Session-End";

/// The cookie. The prefix has browsers refuse it without Secure and Path=/, and from another host of the domain.
const COOKIE: &str = "__Host-session";

/// The variable by which on_request tells on_response the key of the client's session.
const CURRENT: &str = "session-key";

/// Tells the origin who asks.
fn recognise(h: &mut RequestHook) -> Result {
    let header = h.request().header();
    // What a client sends under the origin's name is no fact.
    header.remove(USER)?;
    let key = match h.request().cookie(COOKIE) {
        Some(token) => key_of(&token)?,
        None => None,
    };
    let key = match key {
        Some(key) => key,
        None => return Ok(()),
    };
    let c = Config::read()?;
    let entry = match c.store().get(&key)? {
        Some(entry) => entry,
        None => return Ok(()), // it has ended; the origin decides what that means for this page
    };
    // A session lives on as long as it is used. It is written at most four times in its life, not by every request.
    if entry.expires - wedge::now() < c.life * 3 / 4 {
        let o = PutOptions { ttl: c.life, if_version: entry.version, ..PutOptions::default() };
        match c.store().put(&key, &entry.value, o) {
            Err(e) if !e.is(Status::Conflict) => return Err(e),
            _ => {} // in a conflict somebody else has lengthened or ended it
        }
    }
    header.set(USER, &String::from_utf8_lossy(&entry.value))?;
    wedge::set_var(CURRENT, &key)?;
    // What the origin answers is for this user, so it is neither taken from the cache nor put there.
    h.bypass()
}

/// Has what begins or ends a session be for the one who asked alone, whatever the origin says of caching: it is not stored, and not given to those who asked
/// for the same at the same time, whom it would log in as somebody else.
fn keep_apart(h: &mut FetchedHook) -> Result {
    let header = h.response().header();
    if header.has(USER) || header.has(END) {
        h.keep().no_store()?;
    }
    Ok(())
}

/// Begins and ends sessions as the origin says.
fn settle(h: &mut ResponseHook) -> Result {
    let header = h.response().header();
    let (user, ends) = (header.get(USER), header.has(END));
    header.remove(USER)?;
    header.remove(END)?;
    if user.is_none() && !ends {
        return Ok(());
    }
    if matches!(wedge::cache::outcome().as_str(), "hit" | "stale") {
        // A stored response would log everybody in as one. This one was stored before this function was there.
        let line = "a stored response begins or ends a session: its route must not be cached";
        wedge::log_with(Level::Error, line, &[("path", &h.request().path())]);
        return Ok(());
    }
    let c = Config::read()?;
    // The old session ends in any case: whoever had its token before the login must not be logged in by it.
    if let Some(key) = wedge::var(CURRENT) {
        c.store().delete(&key)?;
    }
    let user = match user {
        Some(user) => user,
        None => return set_cookie(h, "", 0),
    };
    let mut random = [0; 32];
    crypto::random(&mut random)?;
    let token = crypto::base64url(random);
    if let Some(key) = key_of(&token)? {
        c.store().put(&key, user, PutOptions { ttl: c.life, if_absent: true, ..PutOptions::default() })?;
    }
    set_cookie(h, &token, c.life)
}

fn set_cookie(h: &ResponseHook, token: &str, life: i64) -> Result {
    let header = h.response().header();
    header.set("Cache-Control", "private, no-store")?;
    header.add("Set-Cookie", &format!("{}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={}", COOKIE, token, life / 1000))
}

/// The key of a token's session, `None` if it is no token. The store holds a hash: whoever can list its keys cannot log in with them.
fn key_of(token: &str) -> Result<Option<String>> {
    if token.len() != 43 {
        return Ok(None); // not 32 bytes in base64url
    }
    Ok(Some(crypto::base64url(crypto::hash(HashFunction::Sha256, token)?)))
}

struct Config {
    store: String,
    life: i64, // milliseconds
}

impl Config {
    fn read() -> Result<Config> {
        let life = match wedge::config("life") {
            Some(v) => v.parse().ok().filter(|n| (60..=31_536_000).contains(n)).ok_or("config life: a number of seconds, from 60 to 31536000")?,
            None => 12 * 3600,
        };
        Ok(Config { store: wedge::config("store").unwrap_or_else(|| "sessions".into()), life: life * 1000 })
    }

    fn store(&self) -> Kv<'_> {
        Kv(&self.store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wedge::fake::{Node, Outcome};

    fn node() -> Node {
        let node = Node::new();
        node.store("sessions");
        node
    }

    /// Has the origin answer with that field, and returns the cookie that the client gets.
    fn answer(node: &Node, token: &str, field: (&str, &str)) -> String {
        let x = node.exchange("POST", "https://www.example/login");
        x.field("Cookie", &format!("a=b; {}={}", COOKIE, token));
        assert_eq!(x.call(exports::on_request), Outcome::GoOn, "{:?}", node.log());
        x.respond(200, "", &[field]);
        assert_eq!(x.call(exports::on_fetched), Outcome::GoOn, "{:?}", node.log());
        assert!(x.get().no_store);
        assert_eq!(x.call(exports::on_response), Outcome::GoOn, "{:?}", node.log());
        assert!(!x.response().fields.iter().any(|(name, _)| name.starts_with("X-Session")));
        x.response().get("Set-Cookie").unwrap_or_default().into()
    }

    /// Whom the origin sees.
    fn seen(node: &Node, token: &str) -> Option<String> {
        let x = node.exchange("GET", "https://www.example/");
        x.field("Cookie", &format!("{}={}", COOKIE, token)).field(USER, "root");
        assert_eq!(x.call(exports::on_request), Outcome::GoOn, "{:?}", node.log());
        let user = x.get().fields.into_iter().find(|(name, _)| name == USER).map(|(_, user)| user);
        assert_eq!(x.get().bypass, user.is_some());
        user
    }

    #[test]
    fn login_and_logout() {
        let node = node();
        assert_eq!(seen(&node, "guess"), None);
        let cookie = answer(&node, "", (USER, "ann"));
        let token = cookie.strip_prefix("__Host-session=").and_then(|c| c.split(';').next()).unwrap_or_default();
        assert!(token.len() == 43 && cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=43200"), "{}", cookie);
        assert_eq!(seen(&node, token).as_deref(), Some("ann"));
        assert_eq!(node.stored("sessions", token), None, "the token itself is no key");

        // It lives on as long as it is used, and no longer.
        node.pass(11 * 3_600_000);
        assert_eq!(seen(&node, token).as_deref(), Some("ann"));
        node.pass(11 * 3_600_000);
        assert_eq!(seen(&node, token).as_deref(), Some("ann"));
        assert!(answer(&node, token, (END, "1")).starts_with("__Host-session=; "));
        assert_eq!(seen(&node, token), None);
    }

    #[test]
    fn stored_responses_log_nobody_in() {
        let node = node();
        let x = node.exchange("GET", "https://www.example/");
        x.respond(200, "", &[(USER, "ann")]).change(|x| x.outcome = "hit".into()).call(exports::on_response);
        assert_eq!(x.response().fields, Vec::new());
        assert_eq!(node.log().len(), 1);
    }

    #[test]
    fn bad_settings() {
        let node = node();
        node.config("life", "59");
        let x = node.exchange("GET", "https://www.example/");
        x.respond(200, "", &[(USER, "ann")]);
        assert_eq!(x.call(exports::on_response), Outcome::Failed);
        assert_eq!(node.log(), ["error: on_response: config life: a number of seconds, from 60 to 31536000"]);
    }
}
