//! The cache's decisions about an exchange, and the cache as a store: values that may vanish at any time, shared by all functions of one owner.

use crate::error::{check, done, Result};
use crate::raw::{self, KeyOption, Status};
use crate::value::{text, value};

/// What the cache key is made of. Requests with the same key share stored responses.
#[derive(Clone, Copy, Debug)]
pub struct Key(pub(crate) ());

impl Key {
    /// Adds a named part to the key, such as a cohort or a language. Each value is a response of its own in the cache: take values from a small set, never as
    /// the client sent them.
    pub fn add(&self, name: &str, value: &str) -> Result {
        done(raw::cache_key_add(name.as_bytes(), value.as_bytes()), "add to key", name)
    }

    /// Puts value in the place of path and query.
    pub fn set(&self, value: &str) -> Result {
        done(raw::cache_key_set(value.as_bytes()), "set key", "")
    }

    /// Leaves a parameter of the query out of the key; a trailing "*" stands for any rest, as in "utm_*". The origin still gets it.
    pub fn ignore(&self, parameter: &str) -> Result {
        done(raw::cache_key_ignore(parameter.as_bytes()), "ignore in key", parameter)
    }

    /// Leaves the whole query out of the key.
    pub fn ignore_query(&self) -> Result {
        done(raw::cache_key_option(KeyOption::IgnoreQuery), "ignore query in key", "")
    }

    /// Makes queries equal that differ only in the order of their parameters.
    pub fn sort_query(&self) -> Result {
        done(raw::cache_key_option(KeyOption::SortQuery), "sort query in key", "")
    }

    /// Makes paths and queries equal that differ only in case.
    pub fn lower_case(&self) -> Result {
        done(raw::cache_key_option(KeyOption::LowerCase), "lower case in key", "")
    }
}

/// For how long a response is kept, and under which tags. Times are milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Keep(pub(crate) ());

impl Keep {
    /// For how long the response is fresh, in place of what its fields say; 0 makes it stale at once.
    pub fn set_ttl(&self, ms: i64) -> Result {
        done(raw::cache_ttl_set(ms), "set TTL", "")
    }

    /// For how long after that the response may be served stale.
    pub fn set_grace(&self, ms: i64) -> Result {
        done(raw::cache_grace_set(ms), "set grace", "")
    }

    /// Adds a tag by which the response can be purged: 1 to 256 visible ASCII characters without comma.
    pub fn add_tag(&self, tag: &str) -> Result {
        done(raw::cache_tag_add(tag.as_bytes()), "add tag", tag)
    }

    /// Keeps the response out of the cache.
    pub fn no_store(&self) -> Result {
        done(raw::cache_no_store(), "keep out of the cache", "")
    }
}

/// Where the response came from, as the access log says it: "hit", "stale", "miss", "pass"; "" as long as that is open.
pub fn outcome() -> String {
    text(raw::cache_outcome).unwrap_or_default()
}

/// The hashed key of this exchange in hexadecimal digits, "" if none was made.
pub fn key() -> String {
    text(raw::cache_key).unwrap_or_default()
}

/// A value that a function of the same owner has put into the cache; `None` if it is not there, which can happen at any time.
pub fn get(key: &str) -> Result<Option<Vec<u8>>> {
    match value(|to| raw::store_get(key.as_bytes(), to)) {
        Ok(v) => Ok(Some(v)),
        Err(n) if n == Status::Absent as i32 => Ok(None),
        Err(n) => Err(check(n, "cache get", key).unwrap_err()),
    }
}

/// Keeps a value in the cache for at most that many milliseconds, which must not be 0. It goes with any of its tags.
pub fn put(key: &str, value: impl AsRef<[u8]>, ttl: i64, tags: &[&str]) -> Result {
    done(raw::store_put(key.as_bytes(), value.as_ref(), ttl, tags.join(" ").as_bytes()), "cache put", key)
}

/// Removes a value, and says whether there was one.
pub fn delete(key: &str) -> Result<bool> {
    match raw::store_delete(key.as_bytes()) {
        n if n == Status::Absent as i32 => Ok(false),
        n => check(n, "cache delete", key).map(|_| true),
    }
}

/// Purges everything of this owner that carries the tag, stored responses too; soft makes it stale instead. The number of objects, 0 if the node does not
/// count them.
pub fn purge_tag(tag: &str, soft: bool) -> Result<usize> {
    Ok(check(raw::purge_tag(tag.as_bytes(), soft.into()), "purge tag", tag)? as usize)
}
