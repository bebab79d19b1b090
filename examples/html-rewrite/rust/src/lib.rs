//! Changes pages of HTML while they stream through: links to an old host lead to the new one, pictures load when they come into view, and a text is put at
//! the end of the head.

mod scanner;

use scanner::{Scanner, Tag};
use std::error::Error;
use std::io::{Read, Write};
use wedge::FetchedHook;

wedge::hooks! { on_fetched => rewrite }

fn rewrite(h: &mut FetchedHook) -> Result<(), Box<dyn Error>> {
    let header = h.response().header();
    let html = header.get("Content-Type").map_or(false, |t| t.to_ascii_lowercase().starts_with("text/html"));
    if h.request().method() == "HEAD" || !html {
        return Ok(());
    }
    let config = Config::read()?;
    // "A strong validator is unique across all representations of a given resource": the origin's is not that of the changed page.
    // https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1
    if let Some(tag) = header.get("ETag").filter(|t| !t.is_empty() && !t.starts_with("W/")) {
        header.set("ETag", &format!("W/{}", tag))?;
    }
    let mut stream = h.stream()?;
    let mut scanner = Scanner::new(|to, tag| config.write(to, tag));
    let mut piece = vec![0; 8 << 10];
    loop {
        let n = stream.read(&mut piece)?;
        if n == 0 {
            stream.write_all(scanner.end())?;
            return Ok(());
        }
        stream.write_all(scanner.scan(&piece[..n]))?;
    }
}

#[derive(Default)]
struct Config {
    moved: Vec<(String, String)>, // beginnings of URLs: from, to
    lazy: bool,
    head: String,
}

impl Config {
    fn read() -> Result<Config, String> {
        let mut c = Config::default();
        for (name, value) in wedge::settings() {
            match name.as_str() {
                "moved" => {
                    for rule in value.split(';').map(str::trim).filter(|r| !r.is_empty()) {
                        let (from, to) = rule.split_once(' ').unwrap_or((rule, ""));
                        let to = to.trim();
                        let unfit = |c: char| " \t\"'<>`".contains(c);
                        if from.is_empty() || to.is_empty() || from.contains(unfit) || to.contains(unfit) {
                            return Err(format!("config moved: \"{}\" is no rule: write FROM TO; FROM TO, beginnings of URLs", rule));
                        }
                        c.moved.push((from.into(), to.into()));
                    }
                }
                "lazy" => c.lazy = value == "true",
                "head" => c.head = value,
                _ => return Err(format!("config {} is not known: see the README of the example html-rewrite", name)),
            }
        }
        Ok(c)
    }

    /// Writes a tag anew.
    fn write(&self, to: &mut Vec<u8>, t: &Tag) {
        if t.closes {
            if t.is("head") {
                to.extend_from_slice(self.head.as_bytes());
            }
            to.extend_from_slice(&t.text);
            return;
        }
        let mut done = t.name.end;
        to.extend_from_slice(&t.text[..done]);
        if self.lazy && (t.is("img") || t.is("iframe")) && !t.has("loading") {
            to.extend_from_slice(b" loading=\"lazy\"");
        }
        for a in &t.attributes {
            to.extend_from_slice(&t.text[done..a.value.start]);
            self.value(to, &t.text[a.name.clone()], &t.text[a.value.clone()]);
            done = a.value.end;
        }
        to.extend_from_slice(&t.text[done..]);
    }

    /// Writes the value of an attribute, with what has moved.
    fn value(&self, to: &mut Vec<u8>, name: &[u8], v: &[u8]) {
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        if ["href", "src", "action", "formaction", "poster"].iter().any(|word| is(word)) {
            self.url(to, v);
        } else if is("srcset") {
            // Candidates are separated by commas; a URL that holds one followed by a space is none.
            let mut rest = v;
            while let Some(at) = rest.windows(2).position(|w| w == b", ") {
                self.url(to, &rest[..at]);
                to.extend_from_slice(b", ");
                rest = &rest[at + 2..];
            }
            self.url(to, rest);
        } else {
            to.extend_from_slice(v);
        }
    }

    fn url(&self, to: &mut Vec<u8>, v: &[u8]) {
        let blank = v.iter().take_while(|c| c.is_ascii_whitespace()).count();
        let (before, url) = v.split_at(blank);
        to.extend_from_slice(before);
        for (from, new) in &self.moved {
            if let Some(rest) = url.strip_prefix(from.as_bytes()) {
                to.extend_from_slice(new.as_bytes());
                to.extend_from_slice(rest);
                return;
            }
        }
        to.extend_from_slice(url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wedge::fake::{Node, Outcome};

    /// Sends a page through in pieces of n bytes.
    fn through(page: &str, n: usize) -> String {
        let c = Config { moved: vec![("/a/".into(), "/b/".into())], lazy: true, head: "<X>".into() };
        let mut s = Scanner::new(|to, tag| c.write(to, tag));
        let mut out = Vec::new();
        for piece in page.as_bytes().chunks(n) {
            out.extend_from_slice(s.scan(piece));
        }
        out.extend_from_slice(s.end());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tags() {
        let long = "x".repeat(scanner::MAX_TAG);
        let f = |page: &str, want: &str| {
            for n in [1, 2, 3, 7, page.len()] {
                assert_eq!(through(page, n), want, "in pieces of {}", n);
            }
        };
        f("<a href=/a/x>", "<a href=/b/x>");
        f("<A class=x HREF='/a/x' >y</A>", "<A class=x HREF='/b/x' >y</A>");
        f("<a href = \"/a/x\" title='>'>", "<a href = \"/b/x\" title='>'>");
        f("<a title=it's href=/a/x>'", "<a title=it's href=/b/x>'");
        f("<a =href=\"/a/\" href=\"/a/\">", "<a =href=\"/a/\" href=\"/b/\">");
        f("<img srcset='/a/1 1x, /a/2 2x'/>", "<img loading=\"lazy\" srcset='/b/1 1x, /b/2 2x'/>");
        f("<head></head ><body>", "<head><X></head ><body>");
        f("a < b <5 <", "a < b <5 <");
        f("<!-- <a href=/a/> --><!--><a href=/a/>", "<!-- <a href=/a/> --><!--><a href=/b/>");
        f("<script>'<a href=/a/>'</scripts></SCRIPT><a href=/a/>", "<script>'<a href=/a/>'</scripts></SCRIPT><a href=/b/>");
        f("<a href=\"/a/", "<a href=\"/a/");
        f(&format!("<a title=\"{}\" href=/a/><a href=/a/>", long), &format!("<a title=\"{}\" href=/a/><a href=/b/>", long));
        f(&format!("<script {}><a href=/a/></script><a href=/a/>", long), &format!("<script {}><a href=/a/></script><a href=/b/>", long));
    }

    #[test]
    fn pages_only() {
        let node = Node::new();
        node.config("moved", "/a/ /b/");
        for (kind, want) in [("text/html", "<a href=/b/>"), ("text/plain", "<a href=/a/>")] {
            let x = node.exchange("GET", "https://www.example/");
            x.respond(200, "<a href=/a/>", &[("Content-Type", kind)]);
            assert_eq!(x.call(exports::on_fetched), Outcome::GoOn, "{:?}", node.log());
            assert_eq!(x.response().body, want.as_bytes());
        }
        node.config("move", "/a/ /b/");
        let x = node.exchange("GET", "https://www.example/");
        x.respond(200, "", &[("Content-Type", "text/html")]);
        assert_eq!(x.call(exports::on_fetched), Outcome::Failed);
    }
}
