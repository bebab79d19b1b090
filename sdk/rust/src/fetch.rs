//! Requests of the function's own, to the origins and hosts that the binding lists under `fetch`. They run beside the function from [`Request::send`] on,
//! so that several can be under way at once.

use crate::error::{check, Result};
use crate::raw::{self, FetchOption, Status};
use crate::value::{pairs, text, value};
use std::io::{self, Read};

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The name of an origin, "" for a whole URL.
    pub origin: &'a str,
    /// Path and query, or the URL.
    pub target: &'a str,
    /// Names and values of header fields.
    pub fields: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
    /// Milliseconds until the response's head must be there; 0 is the node's own.
    pub timeout: i64,
    /// Sends it through the node's cache.
    pub use_cache: bool,
}

/// A GET of path and query from an origin.
pub fn origin<'a>(name: &'a str, target: &'a str) -> Request<'a> {
    Request { method: "GET", origin: name, target, fields: &[], body: &[], timeout: 0, use_cache: false }
}

/// A GET of a URL.
pub fn url(url: &str) -> Request<'_> {
    origin("", url)
}

impl Request<'_> {
    /// Sends the request and does not wait.
    pub fn send(&self) -> Result<Pending> {
        let target = format!("{}{}", self.origin, self.target);
        let handle = check(raw::fetch_new(self.method.as_bytes(), self.origin.as_bytes(), self.target.as_bytes()), "fetch", &target)?;
        let p = Pending { handle, target };
        for (name, value) in self.fields {
            check(raw::fetch_field_add(handle, name.as_bytes(), value.as_bytes()), "fetch", &p.target)?;
        }
        if !self.body.is_empty() {
            check(raw::fetch_body_append(handle, self.body), "fetch", &p.target)?;
        }
        if self.timeout != 0 {
            check(raw::fetch_option_set(handle, FetchOption::Timeout, self.timeout), "fetch", &p.target)?;
        }
        if self.use_cache {
            check(raw::fetch_option_set(handle, FetchOption::UseCache, 1), "fetch", &p.target)?;
        }
        check(raw::fetch_send(handle), "fetch", &p.target)?;
        Ok(p)
    }

    /// Sends the request and waits for the response's head.
    pub fn fetch(&self) -> Result<Response> {
        self.send()?.response()
    }
}

/// A request that is under way. Dropping it ends it.
#[derive(Debug)]
pub struct Pending {
    handle: i32,
    target: String,
}

impl Pending {
    /// Waits for the response's head.
    pub fn response(self) -> Result<Response> {
        let status = check(raw::fetch_status(self.handle), "fetch", &self.target)? as u16;
        Ok(Response { status, request: self })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        raw::fetch_close(self.handle);
    }
}

/// A response to a request of the function's own; reading it reads its body. Dropping it ends the request.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    request: Pending,
}

impl Response {
    /// The value of the first field line of that name.
    pub fn get(&self, name: &str) -> Option<String> {
        text(|to| raw::fetch_field(self.request.handle, name.as_bytes(), 0, to)).ok()
    }

    /// Name and value of each field line, in order.
    pub fn fields(&self) -> Vec<(String, String)> {
        value(|to| raw::fetch_fields(self.request.handle, to)).map(|b| pairs(&b)).unwrap_or_default()
    }

    /// What is left of the body, if that is at most limit bytes; otherwise the error is `Status::TooLarge`.
    pub fn body(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        let mut part = [0; 4096];
        loop {
            let n = check(raw::fetch_body_read(self.request.handle, &mut part), "read body of fetch", &self.request.target)? as usize;
            if n == 0 {
                return Ok(all);
            }
            if n > limit - all.len() {
                check(Status::TooLarge as i32, "read body of fetch", &self.request.target)?;
            }
            all.extend_from_slice(&part[..n]);
        }
    }
}

impl Read for Response {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        check(raw::fetch_body_read(self.request.handle, to), "read body of fetch", &self.request.target)
            .map(|n| n as usize)
            .map_err(|e| io::Error::new(io::ErrorKind::Other, e))
    }
}
