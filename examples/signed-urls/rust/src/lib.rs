//! Lets only those pass who have a URL that the site signed, until the time that stands in it, and stores one response for all of them.

use wedge::{crypto, HashFunction, RequestHook, Result};

wedge::hooks! { on_request => admit }

fn admit(h: &mut RequestHook) -> Result {
    let q = h.request();
    // A link is for reading: what it leads to must not be changed by whoever has it.
    if !matches!(q.method().as_str(), "GET" | "HEAD") {
        return refuse(h, 403, "a signed link is for GET and HEAD");
    }
    let query = q.query().unwrap_or_default();
    let s = match Signed::read(&query) {
        Ok(s) => s,
        Err(why) => return refuse(h, 400, why),
    };
    if s.signature.is_empty() {
        return refuse(h, 403, "this address needs a signature");
    }
    // Whether a link is forged or has expired is said only about signatures that are good: to others it would tell how far they got.
    if !s.good(&q.host(), &q.path())? {
        return refuse(h, 403, "the signature is not good for this address");
    }
    if wedge::now() / 1000 >= s.until {
        return refuse(h, 410, "this link has expired");
    }
    // Neither the origin nor the cache sees what is the client's own: one stored response serves all who may have it.
    q.set_query(&s.rest)
}

/// What a query holds: the three parameters of a signature, and the rest as it came.
#[derive(Default)]
struct Signed<'a> {
    until: i64,         // seconds since 1970
    prefix: &'a str,    // the path that the signature is good for, with all below it; empty: this path alone
    signature: &'a str, // of all that, in base64url without padding
    rest: String,
}

impl<'a> Signed<'a> {
    fn read(query: &'a str) -> Result<Signed<'a>, &'static str> {
        let mut s = Signed::default();
        let mut expires = "";
        let mut rest = Vec::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let to = match name {
                "expires" => &mut expires,
                "prefix" => &mut s.prefix,
                "signature" => &mut s.signature,
                _ => {
                    rest.push(pair);
                    continue;
                }
            };
            // Of two values the origin might believe the one that was not checked.
            if !to.is_empty() {
                return Err("a parameter of the signature stands twice");
            }
            *to = value;
        }
        rest.retain(|pair| !pair.is_empty());
        s.rest = rest.join("&");
        if !s.signature.is_empty() {
            s.until = expires.parse().ok().filter(|n| *n >= 0).ok_or("expires is no number of seconds since 1970")?;
        }
        Ok(s)
    }

    /// Whether the signature is right, for this host and path. It is an error if the secret is missing: the operator's mistake, not the client's.
    fn good(&self, host: &str, path: &str) -> Result<bool> {
        let mut what = path.to_string();
        if !self.prefix.is_empty() {
            // A prefix ends with a slash: "/films/7" would be good for /films/70 too.
            if !self.prefix.starts_with('/') || !self.prefix.ends_with('/') || !path.starts_with(self.prefix) {
                return Ok(false);
            }
            // The node resolves "..", but to some origins "..;x" is the folder above as well.
            if path[self.prefix.len() - 1..].contains("/..") {
                return Ok(false);
            }
            what = format!("{}*", self.prefix);
        }
        // All of the query is signed, unless the operator lets clients choose the rest.
        let free = !self.prefix.is_empty() || wedge::config("query").as_deref() == Some("free");
        let claimed = match crypto::from_base64url(self.signature) {
            Some(b) => b,
            None => return Ok(false),
        };
        // The secret stays with the node. Lines end each part, and none can hold a line's end.
        let text = format!("{}\n{}\n{}\n{}", host, what, self.until, if free { "" } else { &self.rest });
        let sum = crypto::hmac_secret(HashFunction::Sha256, "key", text)?;
        Ok(crypto::equal(sum, claimed))
    }
}

fn refuse(h: &mut RequestHook, status: u16, why: &str) -> Result {
    let r = h.respond(status, format!("{}\n", why))?;
    r.header().set("Content-Type", "text/plain; charset=utf-8")?;
    r.header().set("Cache-Control", "no-store")
}

#[cfg(test)]
mod tests {
    use super::*;
    use wedge::fake::{Node, Outcome};

    #[test]
    fn reads_queries() {
        let s = Signed::read("a=1&&expires=7&b&signature=x").unwrap_or_default();
        assert_eq!((s.until, s.signature, s.rest.as_str()), (7, "x", "a=1&b"));
        for bad in ["expires=1&expires=2", "signature=a&signature=b", "signature=a", "signature=a&expires=-1", "signature=a&expires=x"] {
            assert!(Signed::read(bad).is_err(), "{}", bad);
        }
    }

    #[test]
    fn admits_what_is_signed() {
        let node = Node::new();
        node.secret("key", "a key of which nobody knows anything");
        let f = |method: &str, uri: &str, status: u16| {
            let x = node.exchange(method, &format!("https://media.example{}", uri));
            let outcome = x.call(exports::on_request);
            assert_eq!((outcome == Outcome::GoOn, x.response().status), (status == 0, status), "{} {}: {:?}", method, uri, node.log());
            if status == 0 {
                assert_eq!(x.get().query, None, "what is the client's own");
            }
        };
        let good = "/films/7.mp4?expires=4102444800&signature=FkYObPX12ancetxF382rmDjMN1MegZiobQezy3l8fRA";
        f("GET", good, 0);
        f("HEAD", good, 0);
        f("POST", good, 403);
        f("GET", "/films/8/1.ts?prefix=/films/8/&expires=4102444800&signature=7jEp6R6ulkSVg4DWfDp0fGnqPRKHSRhVIa7GsO1lpj4", 0);
        f("GET", "/films/8/..;/9/1.ts?prefix=/films/8/&expires=4102444800&signature=7jEp6R6ulkSVg4DWfDp0fGnqPRKHSRhVIa7GsO1lpj4", 403);
        f("GET", "/films/9/1.ts?prefix=/films/8/&expires=4102444800&signature=7jEp6R6ulkSVg4DWfDp0fGnqPRKHSRhVIa7GsO1lpj4", 403);
        f("GET", "/films/7.mp4", 403);
        f("GET", &format!("{}&a=1", good), 403);
        f("GET", &good.replace("FkYO", "===="), 403);
        f("GET", &format!("{}&expires=1", good), 400);
        f("GET", "/films/7.mp4?expires=1000000000&signature=e3BgP-2cqdY5pWyzuOS1xt0PgL12J66nX3xf4yuLkxw", 410);
    }
}
