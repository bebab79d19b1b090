use crate::error::{done, Result};
use crate::raw::{self, Level};
use crate::value::packed;

/// Writes a line to the function's log. A line that is too long is cut; a log never fails the function.
pub fn log(level: Level, line: &str) {
    raw::log(level, line.as_bytes(), &[]);
}

/// Writes a line with fields, names and values.
pub fn log_with(level: Level, line: &str, fields: &[(&str, &str)]) {
    raw::log(level, line.as_bytes(), &packed(fields));
}

/// Writes a line at the level `Debug`.
pub fn debug(line: &str) {
    log(Level::Debug, line);
}

/// Writes a line at the level `Info`.
pub fn info(line: &str) {
    log(Level::Info, line);
}

/// Writes a line at the level `Warn`.
pub fn warn(line: &str) {
    log(Level::Warn, line);
}

/// Writes a line at the level `Error`.
pub fn error(line: &str) {
    log(Level::Error, line);
}

/// Adds to a counter that comes out on the node's /metrics under the function's name: `[a-z][a-z0-9_]*`, at most 64 characters, and delta not less than 0.
pub fn count(name: &str, delta: i64) -> Result {
    done(raw::metric_add(name.as_bytes(), delta), "count", name)
}

/// Adds an observation to a histogram of that name.
pub fn observe(name: &str, value: f64) -> Result {
    done(raw::metric_observe(name.as_bytes(), value), "observe", name)
}

/// A span in the exchange's trace, as a child of the one that is open. It ends when it is dropped, at the latest with the hook. Where the node does not
/// trace, nothing happens.
#[derive(Debug)]
pub struct Span(i32);

impl Span {
    /// Begins a span.
    pub fn begin(name: &str) -> Span {
        Span(raw::span_begin(name.as_bytes()))
    }

    /// Gives the span an attribute.
    pub fn set(&self, name: &str, value: &str) {
        if self.0 > 0 {
            raw::span_set(self.0, name.as_bytes(), value.as_bytes());
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if self.0 > 0 {
            raw::span_end(self.0);
        }
    }
}
