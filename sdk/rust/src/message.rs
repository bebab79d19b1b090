use crate::error::{check, done, Error, Result};
use crate::header::{Header, HeaderView};
use crate::raw::{self, Message, Part};
use crate::value::{text, value};

fn part(p: Part) -> Option<String> {
    text(|to| raw::request_part(p, to)).ok()
}

fn set(p: Part, to: &str, what: &str) -> Result {
    done(raw::request_part_set(p, to.as_bytes()), what, to)
}

/// A request that can be read.
#[derive(Clone, Copy, Debug)]
pub struct RequestView(());

impl RequestView {
    pub(crate) fn new() -> RequestView {
        RequestView(())
    }

    /// Its header.
    pub fn header(&self) -> HeaderView {
        HeaderView(Message::Request)
    }

    /// The method; methods are case-sensitive.
    pub fn method(&self) -> String {
        part(Part::Method).unwrap_or_default()
    }

    /// "http" or "https".
    pub fn scheme(&self) -> String {
        part(Part::Scheme).unwrap_or_default()
    }

    /// The authority in lower case, without the scheme's default port.
    pub fn host(&self) -> String {
        part(Part::Host).unwrap_or_default()
    }

    /// The path in normal form; it begins with "/" and has no dot segments.
    pub fn path(&self) -> String {
        part(Part::Path).unwrap_or_default()
    }

    /// What follows "?", undecoded; `None` if there is no "?".
    pub fn query(&self) -> Option<String> {
        part(Part::Query)
    }

    /// Path, and "?" and query if there is a query.
    pub fn uri(&self) -> String {
        part(Part::Uri).unwrap_or_default()
    }

    /// The version of HTTP that the client spoke: "1.0", "1.1", "2" or "3".
    pub fn protocol(&self) -> String {
        part(Part::Protocol).unwrap_or_default()
    }

    /// The value of the first cookie of that name, as the client sent it: it may be anything.
    pub fn cookie(&self, name: &str) -> Option<String> {
        for line in self.header().get_all("Cookie") {
            for pair in line.split(';') {
                if let Some((n, v)) = pair.split_once('=') {
                    if n.trim() == name {
                        return Some(v.trim().to_string());
                    }
                }
            }
        }
        None
    }
}

/// A request that can be changed. A changed host or path changes what the cache and the origin see; it is not routed again.
#[derive(Clone, Copy, Debug)]
pub struct Request(RequestView);

impl std::ops::Deref for Request {
    type Target = RequestView;
    fn deref(&self) -> &RequestView {
        &self.0
    }
}

impl Request {
    pub(crate) fn new() -> Request {
        Request(RequestView::new())
    }

    /// Its header.
    pub fn header(&self) -> Header {
        Header(HeaderView(Message::Request))
    }

    /// Its body.
    pub fn body(&self) -> Body {
        Body(Message::Request)
    }

    /// Changes the method; not to CONNECT or TRACE.
    pub fn set_method(&self, method: &str) -> Result {
        set(Part::Method, method, "set method")
    }

    /// Changes the host.
    pub fn set_host(&self, host: &str) -> Result {
        set(Part::Host, host, "set host")
    }

    /// Changes the path. It must begin with "/"; dot segments, backslashes and control characters are errors.
    pub fn set_path(&self, path: &str) -> Result {
        set(Part::Path, path, "set path")
    }

    /// Changes what follows "?"; "" removes it together with the "?".
    pub fn set_query(&self, query: &str) -> Result {
        set(Part::Query, query, "set query")
    }

    /// Changes path and query at once.
    pub fn set_uri(&self, uri: &str) -> Result {
        set(Part::Uri, uri, "set URI")
    }
}

/// A response that can be read and changed.
#[derive(Clone, Copy, Debug)]
pub struct Response(());

impl Response {
    pub(crate) fn new() -> Response {
        Response(())
    }

    /// Its header.
    pub fn header(&self) -> Header {
        Header(HeaderView(Message::Response))
    }

    /// Its body.
    pub fn body(&self) -> Body {
        Body(Message::Response)
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        raw::response_status().max(0) as u16
    }

    /// Changes the status code, 200 to 599; to 204 or 304 only if there is no body.
    pub fn set_status(&self, code: u16) -> Result {
        done(raw::response_status_set(code.into()), "set status", "")
    }
}

/// A body. Bodies of responses are seen decoded (br, gzip, deflate, zstd). What is read or replaced as a whole is held by the node, up to the binding's
/// `max_body`; a body of any size is transformed by `stream`.
#[derive(Clone, Copy, Debug)]
pub struct Body(Message);

impl Body {
    /// The whole body, and waits for it.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        value(|to| raw::body(self.0, to)).map_err(|n| check(n, "read body", "").unwrap_err())
    }

    /// The whole body as a text, an error if it is none.
    pub fn text(&self) -> Result<String> {
        String::from_utf8(self.bytes()?).map_err(|_| Error::from("read body: it is no UTF-8"))
    }

    /// Reads the first bytes of the body into `to`, and returns how many there are. The body is sent as if it had not been read.
    pub fn peek(&self, to: &mut [u8]) -> Result<usize> {
        Ok(check(raw::body_peek(self.0, to), "peek at body", "")? as usize)
    }

    /// Replaces the body.
    pub fn set(&self, content: impl AsRef<[u8]>) -> Result {
        done(raw::body_set(self.0, content.as_ref()), "set body", "")
    }

    /// Appends to a body that `set` or `respond` has given in this hook.
    pub fn append(&self, content: impl AsRef<[u8]>) -> Result {
        done(raw::body_append(self.0, content.as_ref()), "append to body", "")
    }
}
