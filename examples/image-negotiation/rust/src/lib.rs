//! Has a client get each picture in the best format that it understands and in a width that suits its screen, with one stored response for each of the few
//! that there are.

use wedge::{HeaderView, RequestHook, ResponseHook, Result};

wedge::hooks! {
    on_request => choose,
    on_response => tell,
}

/// The variable by which on_request tells on_response that the picture depends on the client.
const CHOSEN: &str = "image-negotiation";

fn choose(h: &mut RequestHook) -> Result {
    let q = h.request();
    if !matches!(q.method().as_str(), "GET" | "HEAD") || !is_picture(&q.path()) {
        return Ok(());
    }
    let c = Config::read()?;
    let mut query = format!("format={}", c.format(&q.header()));
    if let Some(w) = c.width(&q.header()) {
        query += &format!("&width={}", w);
    }
    // What a client asks for in the query is dropped: it could ask the resizer for any of a million sizes. What is left are as many stored
    // responses as formats times widths, because path and query are the key.
    q.set_query(&query)?;
    wedge::set_var(CHOSEN, "1")
}

/// Says on what the choice depends, to caches behind this node, and which hints are wanted, to the browser.
fn tell(h: &mut ResponseHook) -> Result {
    if wedge::var(CHOSEN).is_none() {
        return Ok(());
    }
    let header = h.response().header();
    header.add("Vary", "Accept, Save-Data, Sec-CH-DPR, Sec-CH-Viewport-Width, Sec-CH-Width")?;
    // "The Accept-CH response header field indicates server support for the hints indicated in its value."
    // https://www.rfc-editor.org/rfc/rfc8942#section-3.1
    header.set("Accept-CH", "Sec-CH-DPR, Sec-CH-Viewport-Width, Sec-CH-Width")
}

fn is_picture(path: &str) -> bool {
    let kind = path.rsplit_once('.').map(|(_, kind)| kind.to_ascii_lowercase());
    matches!(kind.as_deref(), Some("jpg" | "jpeg" | "png" | "webp" | "avif"))
}

struct Config {
    formats: Vec<String>,
    widths: Vec<u32>, // ascending
}

impl Config {
    fn read() -> Result<Config> {
        let list = |name, otherwise: &str| -> Vec<String> {
            let text = wedge::config(name).unwrap_or_else(|| otherwise.into());
            text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(String::from).collect()
        };
        let mut c = Config { formats: list("formats", "avif,webp"), widths: Vec::new() };
        for text in list("widths", "320,640,1024,1600,2560") {
            match text.parse() {
                Ok(n) if n > c.widths.last().copied().unwrap_or(0) => c.widths.push(n),
                _ => return Err("config widths: numbers of pixels, from small to large, as 320,640,1024".into()),
            }
        }
        Ok(c)
    }

    /// The first of our formats that the client names in Accept and does not refuse. A range as "image/*" says nothing of what a browser can decode: they all
    /// send it, the old ones too.
    fn format(&self, h: &HeaderView) -> &str {
        let lines = h.get_all("Accept");
        let mut accepted = Vec::new();
        for member in lines.iter().flat_map(|line| line.split(',')) {
            let (kind, parameters) = member.split_once(';').unwrap_or((member, ""));
            if !refused(parameters) {
                accepted.push(kind.trim().to_ascii_lowercase());
            }
        }
        let understood = |f: &&String| accepted.iter().any(|a| a.strip_prefix("image/") == Some(f.as_str()));
        self.formats.iter().find(understood).map_or("original", String::as_str)
    }

    /// The least of our widths that fills the client's screen, `None` if it does not say how wide that is. Who saves data gets the smallest.
    fn width(&self, h: &HeaderView) -> Option<u32> {
        let largest = *self.widths.last()?;
        if h.get("Save-Data").map_or(false, |v| v.trim().eq_ignore_ascii_case("on")) {
            return self.widths.first().copied();
        }
        // Sec-CH-Width is in the screen's own pixels, Sec-CH-Viewport-Width in those of CSS.
        let wanted = number(h, "Sec-CH-Width").or_else(|| Some(number(h, "Sec-CH-Viewport-Width")? * number(h, "Sec-CH-DPR").unwrap_or(1.0)))?;
        Some(self.widths.iter().copied().find(|w| f64::from(*w) >= wanted).unwrap_or(largest))
    }
}

/// Whether parameters hold a weight of 0. "a value of 0 means "not acceptable"." <https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2>
fn refused(parameters: &str) -> bool {
    let weight = parameters.split(';').filter_map(|p| p.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    weight.map_or(false, |(_, v)| v.trim().parse() == Ok(0.0))
}

/// A positive number that a hint says, `None` for everything else: clients send what they like.
fn number(h: &HeaderView, name: &str) -> Option<f64> {
    let n: f64 = h.get(name)?.trim().parse().ok()?;
    Some(n).filter(|n| *n > 0.0 && *n < 100_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wedge::fake::{Node, Outcome};

    #[test]
    fn queries() {
        let node = Node::new();
        let f = |url: &str, fields: &[(&str, &str)], want: Option<&str>| {
            let x = node.exchange("GET", url);
            for (name, value) in fields {
                x.field(name, value);
            }
            assert_eq!(x.call(exports::on_request), Outcome::GoOn, "{:?}", node.log());
            assert_eq!(x.get().query.as_deref(), want, "{} {:?}", url, fields);
            x.respond(200, "", &[]).call(exports::on_response);
            assert_eq!(x.response().get("Vary").is_some(), want.is_some());
        };
        f("https://i.example/", &[], None);
        f("https://i.example/a.JPG", &[], Some("format=original"));
        f("https://i.example/a.png?width=9", &[("Accept", "image/webp, Image/AVIF;q=0.5")], Some("format=avif"));
        f("https://i.example/a.png", &[("Accept", "image/avif;q=0.0,image/*"), ("Accept", "image/webp")], Some("format=webp"));
        f("https://i.example/a.png", &[("Sec-CH-Width", "641")], Some("format=original&width=1024"));
        f("https://i.example/a.png", &[("Sec-CH-Viewport-Width", "400"), ("Sec-CH-DPR", "2.0")], Some("format=original&width=1024"));
        f("https://i.example/a.png", &[("Sec-CH-Width", "9999"), ("Save-Data", "On")], Some("format=original&width=320"));
        f("https://i.example/a.png", &[("Sec-CH-Width", "9999")], Some("format=original&width=2560"));
        f("https://i.example/a.png", &[("Sec-CH-Width", "NaN")], Some("format=original"));
    }
}
