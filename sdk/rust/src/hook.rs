use crate::cache::{Keep, Key};
use crate::error::{check, done, Result};
use crate::message::{Request, RequestView, Response};
use crate::raw;
use crate::value::text;
use std::fmt::Display;
use std::io::{self, Read, Write};

const GO_ON: i32 = 0;
const ANSWERED: i32 = 1;
const BROKEN: i32 = 2;

/// What `_initialize` does first: what a panic says goes to the log, as nobody else would say it.
pub fn initialise() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|info| {
        crate::log::error(&info.to_string());
    }));
}

fn end<E: Display>(hook: &str, answered: bool, result: std::result::Result<(), E>) -> i32 {
    match result {
        Err(e) => {
            crate::log::error(&format!("{}: {}", hook, e));
            BROKEN
        }
        Ok(()) if answered => ANSWERED,
        Ok(()) => GO_ON,
    }
}

fn respond(answered: &mut bool, status: u16, body: &[u8]) -> Result<Response> {
    done(raw::respond(status.into(), body), "respond", "")?;
    *answered = true;
    Ok(Response::new())
}

fn set_origin(name: &str) -> Result {
    done(raw::origin_set(name.as_bytes()), "choose origin", name)
}

/// What a function can see and do for each request of a client, before the cache is asked.
#[derive(Debug, Default)]
pub struct RequestHook {
    answered: bool,
}

impl RequestHook {
    /// The request.
    pub fn request(&self) -> Request {
        Request::new()
    }

    /// What the cache key is made of.
    pub fn key(&self) -> Key {
        Key(())
    }

    /// Answers the request here: with that status (200 to 599), that body, and the fields that are set on the response afterwards. Neither cache nor origin
    /// are asked. A second call replaces the first.
    pub fn respond(&mut self, status: u16, body: impl AsRef<[u8]>) -> Result<Response> {
        respond(&mut self.answered, status, body.as_ref())
    }

    /// Chooses the origin by its configured name. Add to the key what decided about it, or users of one origin get what another answered.
    pub fn set_origin(&self, name: &str) -> Result {
        set_origin(name)
    }

    /// Neither looks the response up nor stores it.
    pub fn bypass(&self) -> Result {
        done(raw::cache_bypass(), "bypass cache", "")
    }

    /// Treats a stored response as stale: the origin is asked whether it is still right.
    pub fn revalidate(&self) -> Result {
        done(raw::cache_revalidate(), "revalidate", "")
    }
}

/// What a function can see and do for each fetch, before the origin is asked. The request is the fetch's own copy, and what is changed in it does not
/// change the cache key. Authorization and Cookie are hidden unless the binding says that it reads them.
#[derive(Debug, Default)]
pub struct FetchHook {
    answered: bool,
}

impl FetchHook {
    /// The request.
    pub fn request(&self) -> Request {
        Request::new()
    }

    /// Answers in the origin's place, as [`RequestHook::respond`].
    pub fn respond(&mut self, status: u16, body: impl AsRef<[u8]>) -> Result<Response> {
        respond(&mut self.answered, status, body.as_ref())
    }

    /// Chooses the origin by its configured name.
    pub fn set_origin(&self, name: &str) -> Result {
        set_origin(name)
    }
}

/// What a function can see and do for each response of the origin, before it is kept: what is changed here is what the cache stores, for all.
#[derive(Debug, Default)]
pub struct FetchedHook(());

impl FetchedHook {
    /// The request of the fetch.
    pub fn request(&self) -> RequestView {
        RequestView::new()
    }

    /// The origin's response.
    pub fn response(&self) -> Response {
        Response::new()
    }

    /// For how long it is kept, and under which tags.
    pub fn keep(&self) -> Keep {
        Keep(())
    }

    /// Transforms a body of any size. The head is sent as it is, and the rest of the hook runs beside the sending; an error cuts the body visibly.
    pub fn stream(&self) -> Result<Stream> {
        Stream::begin()
    }
}

/// What a function can see and do for a fetch that failed. It may respond in the origin's place or choose another origin.
#[derive(Debug, Default)]
pub struct ErrorHook {
    answered: bool,
}

impl ErrorHook {
    /// The request of the fetch.
    pub fn request(&self) -> RequestView {
        RequestView::new()
    }

    /// For how long the response that was made is kept: not allowed before `respond`.
    pub fn keep(&self) -> Keep {
        Keep(())
    }

    /// Why the fetch failed, as one word of the access log, such as "origin-timeout".
    pub fn failure(&self) -> String {
        text(raw::failure).unwrap_or_default()
    }

    /// Answers in the origin's place, as [`RequestHook::respond`].
    pub fn respond(&mut self, status: u16, body: impl AsRef<[u8]>) -> Result<Response> {
        respond(&mut self.answered, status, body.as_ref())
    }

    /// Chooses the origin that is asked next.
    pub fn set_origin(&self, name: &str) -> Result {
        set_origin(name)
    }
}

/// What a function can see and do for each response to a client, stored ones too. The request is as it was after `on_request`.
#[derive(Debug, Default)]
pub struct ResponseHook(());

impl ResponseHook {
    /// The request.
    pub fn request(&self) -> RequestView {
        RequestView::new()
    }

    /// The response to this client.
    pub fn response(&self) -> Response {
        Response::new()
    }

    /// Transforms a body of any size, as [`FetchedHook::stream`].
    pub fn stream(&self) -> Result<Stream> {
        Stream::begin()
    }
}

/// Runs f as the hook on_request.
pub fn on_request<E: Display>(f: impl FnOnce(&mut RequestHook) -> std::result::Result<(), E>) -> i32 {
    let mut h = RequestHook::default();
    let result = f(&mut h);
    end("on_request", h.answered, result)
}

/// Runs f as the hook on_fetch.
pub fn on_fetch<E: Display>(f: impl FnOnce(&mut FetchHook) -> std::result::Result<(), E>) -> i32 {
    let mut h = FetchHook::default();
    let result = f(&mut h);
    end("on_fetch", h.answered, result)
}

/// Runs f as the hook on_fetched.
pub fn on_fetched<E: Display>(f: impl FnOnce(&mut FetchedHook) -> std::result::Result<(), E>) -> i32 {
    end("on_fetched", false, f(&mut FetchedHook::default()))
}

/// Runs f as the hook on_error.
pub fn on_error<E: Display>(f: impl FnOnce(&mut ErrorHook) -> std::result::Result<(), E>) -> i32 {
    let mut h = ErrorHook::default();
    let result = f(&mut h);
    end("on_error", h.answered, result)
}

/// Runs f as the hook on_response.
pub fn on_response<E: Display>(f: impl FnOnce(&mut ResponseHook) -> std::result::Result<(), E>) -> i32 {
    end("on_response", false, f(&mut ResponseHook::default()))
}

/// A body that comes, to be read, and the one that goes in its place, to be written. Returning from the hook ends the new body.
#[derive(Debug)]
pub struct Stream(());

impl Stream {
    fn begin() -> Result<Stream> {
        done(raw::body_stream_begin(), "stream body", "")?;
        Ok(Stream(()))
    }
}

fn io_error(result: i32, what: &str) -> io::Result<usize> {
    check(result, what, "").map(|n| n as usize).map_err(|e| io::Error::new(io::ErrorKind::Other, e))
}

impl Read for Stream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        io_error(raw::body_stream_read(to), "read body")
    }
}

impl Write for Stream {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        io_error(raw::body_stream_write(content), "write body")?;
        Ok(content.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
