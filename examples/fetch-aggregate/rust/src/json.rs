//! As much of JSON (RFC 8259) as it takes to put values of others into one's own. Who does more with them takes a crate for it.

/// How deep arrays and objects may stand in one another.
const MAX_DEPTH: usize = 128;

/// A text as a JSON string.
pub fn quoted(text: &str) -> String {
    let mut s = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => s.extend(['\\', c]),
            c if c < ' ' => s += &format!("\\u{:04x}", c as u32),
            c => s.push(c),
        }
    }
    s.push('"');
    s
}

/// Whether a text is one value.
pub fn is_valid(text: &str) -> bool {
    let mut r = Reader { rest: text.as_bytes() };
    r.value(MAX_DEPTH).is_some() && r.rest.is_empty()
}

/// Reads values off the front of a text; `None` means that it is no JSON.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn skip(&mut self, some: impl Fn(u8) -> bool) -> usize {
        let n = self.rest.iter().take_while(|c| some(**c)).count();
        self.rest = &self.rest[n..];
        n
    }

    fn blank(&mut self) {
        self.skip(|c| b" \t\r\n".contains(&c));
    }

    /// Takes these bytes if they come next.
    fn take(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        self.blank();
        match self.rest.first()? {
            b'{' => self.list(b"{", b"}", depth.checked_sub(1)?, true)?,
            b'[' => self.list(b"[", b"]", depth.checked_sub(1)?, false)?,
            b'"' => self.string()?,
            b't' => self.take(b"true")?,
            b'f' => self.take(b"false")?,
            b'n' => self.take(b"null")?,
            _ => self.number()?,
        }
        self.blank();
        Some(())
    }

    fn list(&mut self, open: &[u8], close: &[u8], depth: usize, named: bool) -> Option<()> {
        self.take(open)?;
        self.blank();
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            if named {
                self.blank();
                self.string()?;
                self.blank();
                self.take(b":")?;
            }
            self.value(depth)?;
            if self.take(close).is_some() {
                return Some(());
            }
            self.take(b",")?;
        }
    }

    fn string(&mut self) -> Option<()> {
        self.take(b"\"")?;
        loop {
            self.skip(|c| c >= b' ' && c != b'"' && c != b'\\');
            if self.take(b"\"").is_some() {
                return Some(());
            }
            self.take(b"\\")?;
            let (escape, rest) = self.rest.split_first()?;
            self.rest = rest;
            match escape {
                b'u' => {
                    let hex = self.rest.get(..4)?;
                    hex.iter().all(u8::is_ascii_hexdigit).then(|| ())?;
                    self.rest = &self.rest[4..];
                }
                c => b"\"\\/bfnrt".contains(c).then(|| ())?,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let digit = |c: u8| c.is_ascii_digit();
        let _ = self.take(b"-");
        if self.take(b"0").is_none() && self.skip(digit) == 0 {
            return None;
        }
        if self.take(b".").is_some() && self.skip(digit) == 0 {
            return None;
        }
        if self.take(b"e").or_else(|| self.take(b"E")).is_some() {
            let _ = self.take(b"+").or_else(|| self.take(b"-"));
            if self.skip(digit) == 0 {
                return None;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for text in ["0", "-1.5e+3", " {\"a\" : [1, {}, [] , null,true,false] , \"\\u00e4\\n\":\"\"} ", "\"ä\"", "10"] {
            assert!(is_valid(text), "{}", text);
        }
        for text in ["", " ", "01", "1.", "-", "1e", "{", "{a:1}", "{\"a\"}", "[1,]", "[1 2]", "nul", "\"", "\"\\x\"", "\"\\u12\"", "\"\n\"", "1 2", "{\"a\":1,}"] {
            assert!(!is_valid(text), "{}", text);
        }
        assert!(is_valid(&format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH))));
        assert!(!is_valid(&"[".repeat(1 << 20)));
        assert_eq!(quoted("a\"\\\n"), "\"a\\\"\\\\\\u000a\"");
    }
}
