use crate::error::{done, gone, Result};
use crate::raw::{self, Message};
use crate::value::{pairs, text, value};

/// A header section that can be read. Names are compared without regard to case.
#[derive(Clone, Copy, Debug)]
pub struct HeaderView(pub(crate) Message);

impl HeaderView {
    /// The value of the first field line of that name. What is no UTF-8 in it becomes U+FFFD.
    pub fn get(&self, name: &str) -> Option<String> {
        self.at(name, 0)
    }

    fn at(&self, name: &str, index: i32) -> Option<String> {
        text(|to| raw::field(self.0, name.as_bytes(), index, to)).ok()
    }

    /// The value of the first field line of that name as it is.
    pub fn get_bytes(&self, name: &str) -> Option<Vec<u8>> {
        value(|to| raw::field(self.0, name.as_bytes(), 0, to)).ok()
    }

    /// The values of all field lines of that name, in order.
    pub fn get_all(&self, name: &str) -> Vec<String> {
        (0..).map_while(|i| self.at(name, i)).collect()
    }

    /// Whether there is a field line of that name.
    pub fn has(&self, name: &str) -> bool {
        self.count(name) > 0
    }

    /// How many field lines have that name.
    pub fn count(&self, name: &str) -> usize {
        raw::field_count(self.0, name.as_bytes()).max(0) as usize
    }

    /// Name and value of each field line, in order: one call of the node for all of them.
    pub fn all(&self) -> Vec<(String, String)> {
        value(|to| raw::fields(self.0, to)).map(|b| pairs(&b)).unwrap_or_default()
    }
}

/// A header section that can be changed. Names must be tokens; a value with a line break or another control character, or with white space at its
/// ends, is an error, so that what a client sent can be put into one without fear of injection. Connection, Transfer-Encoding, Content-Length,
/// Trailer, Date, Age, Host, CDN-Loop and the other fields between two peers are the node's own.
#[derive(Clone, Copy, Debug)]
pub struct Header(pub(crate) HeaderView);

impl std::ops::Deref for Header {
    type Target = HeaderView;
    fn deref(&self) -> &HeaderView {
        &self.0
    }
}

impl Header {
    /// Replaces the field lines of that name by one.
    pub fn set(&self, name: &str, value: &str) -> Result {
        done(raw::field_set(self.0 .0, name.as_bytes(), value.as_bytes()), "set field", name)
    }

    /// Appends a field line.
    pub fn add(&self, name: &str, value: &str) -> Result {
        done(raw::field_add(self.0 .0, name.as_bytes(), value.as_bytes()), "add field", name)
    }

    /// Removes the field lines of that name; it is no error if there are none.
    pub fn remove(&self, name: &str) -> Result {
        gone(raw::field_remove(self.0 .0, name.as_bytes()), "remove field", name)
    }
}
