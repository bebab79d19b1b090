use crate::error::{check, done, Error, Result};
use crate::raw::{self, Condition, Status};
use crate::value::{string, text, u32_at, u64_at, value};

/// A store that keeps what was put, by its name. It can be a constant: `const LINKS: Kv = Kv("links")`. The binding lists the stores that a function may
/// use; any other is not allowed.
#[derive(Clone, Copy, Debug)]
pub struct Kv<'a>(pub &'a str);

/// What a store keeps under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// What was put beside it.
    pub metadata: Vec<u8>,
    /// Its version, for a compare-and-swap.
    pub version: u64,
    /// When it expires, in milliseconds since 1970; 0 is never.
    pub expires: i64,
}

/// The life of a value and the conditions of its writing. The default is: for ever, and without conditions.
#[derive(Clone, Debug, Default)]
pub struct PutOptions<'a> {
    /// Milliseconds; 0 is for ever.
    pub ttl: i64,
    /// What stands beside the value.
    pub metadata: &'a [u8],
    /// Only if the key has no value.
    pub if_absent: bool,
    /// Only if the value has this version; 0 is no condition.
    pub if_version: u64,
}

/// An entry without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// What was put beside the value.
    pub metadata: Vec<u8>,
    /// The version.
    pub version: u64,
    /// When it expires, in milliseconds since 1970; 0 is never.
    pub expires: i64,
}

/// A part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The entries, in ascending order of their keys.
    pub entries: Vec<Listed>,
    /// The cursor of the next page, `None` after the last.
    pub next: Option<String>,
}

impl Kv<'_> {
    fn open(&self) -> Result<i32> {
        check(raw::kv_open(self.0.as_bytes()), "open store", self.0)
    }

    fn error(&self, n: i32, what: &str, key: &str) -> Error {
        check(n, what, &format!("{}/{}", self.0, key)).unwrap_err()
    }

    fn read(&self, handle: i32, key: &str, about: &mut [u64; 2]) -> Result<Option<Vec<u8>>> {
        match value(|to| raw::kv_get(handle, key.as_bytes(), to, about)) {
            Ok(v) => Ok(Some(v)),
            Err(n) if n == Status::Absent as i32 => Ok(None),
            Err(n) => Err(self.error(n, "kv get", key)),
        }
    }

    /// The value under the key as a text; `None` if there is none.
    pub fn text(&self, key: &str) -> Result<Option<String>> {
        Ok(self.read(self.open()?, key, &mut [0; 2])?.map(string))
    }

    /// The entry under the key, with what is known about it; `None` if there is none.
    pub fn get(&self, key: &str) -> Result<Option<Entry>> {
        let handle = self.open()?;
        let mut about = [0; 2];
        match self.read(handle, key, &mut about)? {
            None => Ok(None),
            Some(v) => {
                let metadata = value(|to| raw::kv_metadata(handle, to)).map_err(|n| self.error(n, "kv get", key))?;
                Ok(Some(Entry { value: v, metadata, version: about[0], expires: about[1] as i64 }))
            }
        }
    }

    /// Puts a value and returns its version. If a condition does not hold, the error [is](Error::is) `Status::Conflict`. A compare-and-swap is a `get`, then a
    /// `put` with the version that came.
    pub fn put(&self, key: &str, value: impl AsRef<[u8]>, o: PutOptions<'_>) -> Result<u64> {
        let handle = self.open()?;
        let condition = match (o.if_absent, o.if_version) {
            (true, 0) => Condition::IfAbsent,
            (false, 0) => Condition::Always,
            (false, _) => Condition::IfVersion,
            (true, _) => return Err(self.error(Status::Invalid as i32, "kv put", key)), // it cannot be absent and have a version
        };
        let mut version = 0;
        let n = raw::kv_put(handle, key.as_bytes(), value.as_ref(), o.metadata, o.ttl, condition, o.if_version as i64, &mut version);
        if n < 0 {
            return Err(self.error(n, "kv put", key));
        }
        Ok(version)
    }

    /// Removes a value, and says whether there was one.
    pub fn delete(&self, key: &str) -> Result<bool> {
        match raw::kv_delete(self.open()?, key.as_bytes(), Condition::Always, 0) {
            n if n == Status::Absent as i32 => Ok(false),
            n if n < 0 => Err(self.error(n, "kv delete", key)),
            _ => Ok(true),
        }
    }

    /// Adds to a number, atomically, and returns the sum. A key without a value counts as 0 and is created with the ttl in milliseconds, 0 for ever.
    pub fn add(&self, key: &str, delta: i64, ttl: i64) -> Result<i64> {
        let mut sum = 0;
        let n = raw::kv_add(self.open()?, key.as_bytes(), delta, ttl, &mut sum);
        if n < 0 {
            return Err(self.error(n, "kv add", key));
        }
        Ok(sum as i64)
    }

    /// The entries whose keys begin with prefix, in ascending order: at most limit of them (1 to 1000), after the cursor of the page before ("" for the first).
    pub fn list(&self, prefix: &str, cursor: &str, limit: i32) -> Result<Page> {
        let handle = self.open()?;
        let page = value(|to| raw::kv_list(handle, prefix.as_bytes(), cursor.as_bytes(), limit, to)).map_err(|n| self.error(n, "kv list", prefix))?;
        let mut entries = Vec::new();
        let mut rest = &page[..];
        while rest.len() >= 24 {
            let (key, metadata) = (u32_at(rest, 0).unwrap_or(0) as usize, u32_at(rest, 4).unwrap_or(0) as usize);
            let (version, expires) = (u64_at(rest, 8).unwrap_or(0), u64_at(rest, 16).unwrap_or(0) as i64);
            let body = &rest[24..];
            if key > body.len() || metadata > body.len() - key {
                return Err(self.error(Status::Io as i32, "kv list", prefix));
            }
            entries.push(Listed { key: string(body[..key].to_vec()), metadata: body[key..key + metadata].to_vec(), version, expires });
            rest = &body[key + metadata..];
        }
        let next = text(|to| raw::kv_list_cursor(handle, to)).map_err(|n| self.error(n, "kv list", prefix))?;
        Ok(Page { entries, next: if next.is_empty() { None } else { Some(next) } })
    }
}

/// What happens under a key within a sliding window (1 second to 1 day), counted in the memory of one node. All functions of an owner share it.
#[derive(Clone, Copy, Debug)]
pub struct Counter<'a> {
    /// 1 to 512 bytes.
    pub key: &'a str,
    /// Milliseconds, 1000 to 86400000.
    pub window: i64,
}

impl Counter<'_> {
    /// Adds delta and returns what the window holds now.
    pub fn add(&self, delta: i64) -> Result<i64> {
        let mut sum = 0;
        check(raw::counter_add(self.key.as_bytes(), self.window, delta, &mut sum), "counter add", self.key)?;
        Ok(sum as i64)
    }

    /// What the window holds now.
    pub fn read(&self) -> Result<i64> {
        let mut sum = 0;
        check(raw::counter_read(self.key.as_bytes(), self.window, &mut sum), "counter read", self.key)?;
        Ok(sum as i64)
    }
}

/// Puts a key aside for that many milliseconds; 0 ends it.
pub fn penalise(key: &str, ms: i64) -> Result {
    done(raw::penalty_set(key.as_bytes(), ms), "penalise", key)
}

/// For how many more milliseconds a key is put aside, 0 if it is not.
pub fn penalty(key: &str) -> Result<i64> {
    let mut left = 0;
    check(raw::penalty(key.as_bytes(), &mut left), "penalty", key)?;
    Ok(left as i64)
}
