//! Tells tags from what only looks like one: comments, quoted values, and the elements whose content is text.
//! <https://html.spec.whatwg.org/multipage/parsing.html#tokenization>

use std::ops::Range;

/// How many bytes are held of a tag. A longer one, a picture within its own tag say, goes through as it is.
pub const MAX_TAG: usize = 16 << 10;

/// A tag as it stands in the page.
#[derive(Default)]
pub struct Tag {
    /// From "<" to ">".
    pub text: Vec<u8>,
    /// Where the text has its name.
    pub name: Range<usize>,
    /// It is an end tag.
    pub closes: bool,
    /// Those of an opening one, in order.
    pub attributes: Vec<Attribute>,
}

/// Where a tag's text has an attribute's name, and its value without quotes.
#[derive(Default)]
pub struct Attribute {
    pub name: Range<usize>,
    pub value: Range<usize>,
}

impl Tag {
    /// Whether that is its name, in whatever case.
    pub fn is(&self, name: &str) -> bool {
        self.text[self.name.clone()].eq_ignore_ascii_case(name.as_bytes())
    }

    /// Whether it has an attribute of that name.
    pub fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|a| self.text[a.name.clone()].eq_ignore_ascii_case(name.as_bytes()))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Text,
    Opened,      // "<"
    Closing,     // "</"
    Bang,        // "<!"
    Dash,        // "<!-"
    Comment,     // up to "-->"
    Raw,         // up to what `until` says
    Name,        // of a tag
    Between,     // attributes
    Attribute,   // its name
    BeforeEqual, // behind an attribute's name and white space
    BeforeValue, // behind an equals sign
    Quoted(u8),  // a value, and what is around it
    Unquoted,    // a value
}

/// How the elements end whose content is text whatever it looks like.
const TEXTS: [&[u8]; 9] =
    [b"</script", b"</style", b"</textarea", b"</title", b"</xmp", b"</iframe", b"</noembed", b"</noframes", b"</plaintext"];

/// Is given a page in pieces of any size and passes it on, with each tag as its function writes it. It looks at each byte once, whatever the page holds and
/// however it is cut: a page cannot make it slow.
pub struct Scanner<F: FnMut(&mut Vec<u8>, &Tag)> {
    write: F,
    state: State,
    out: Vec<u8>,
    tag: Tag,
    long: bool, // the tag has more than MAX_TAG bytes, and passes as it comes
    until: Option<&'static [u8]>,
    found: usize, // how much of `until` has come, or how many dashes of a comment's end
}

impl<F: FnMut(&mut Vec<u8>, &Tag)> Scanner<F> {
    /// A scanner whose tags are written by that function.
    pub fn new(write: F) -> Scanner<F> {
        Scanner { write, state: State::Text, out: Vec::new(), tag: Tag::default(), long: false, until: None, found: 0 }
    }

    /// What a piece of the page becomes.
    pub fn scan(&mut self, piece: &[u8]) -> &[u8] {
        self.out.clear();
        let mut rest = piece;
        while let Some(&c) = rest.first() {
            if self.state == State::Text {
                let at = rest.iter().position(|c| *c == b'<').unwrap_or(rest.len());
                self.out.extend_from_slice(&rest[..at]);
                rest = &rest[at..];
                if !rest.is_empty() {
                    rest = &rest[1..];
                    self.open();
                }
            } else if self.step(c) {
                rest = &rest[1..];
            }
        }
        &self.out
    }

    /// What waited for more when the page ended.
    pub fn end(&mut self) -> &[u8] {
        &self.tag.text
    }

    fn open(&mut self) {
        self.tag.text.clear();
        self.tag.text.push(b'<');
        self.tag.attributes.clear();
        self.tag.closes = false;
        self.long = false;
        self.state = State::Opened;
    }

    /// Looks at the next byte outside of text, and says whether it has taken it.
    fn step(&mut self, c: u8) -> bool {
        match self.state {
            State::Opened | State::Closing | State::Bang | State::Dash => return self.begin(c),
            State::Raw => return self.raw(c),
            State::Comment => {
                self.out.push(c);
                if c == b'>' && self.found >= 2 {
                    self.state = State::Text;
                }
                self.found = if c == b'-' { self.found + 1 } else { 0 };
            }
            _ => self.in_tag(c),
        }
        true
    }

    /// Tells a tag from what only begins like one.
    fn begin(&mut self, c: u8) -> bool {
        match (self.state, c) {
            (State::Opened, b'/') => {
                self.state = State::Closing;
                self.tag.closes = true;
            }
            (State::Opened, b'!') => self.state = State::Bang,
            (State::Opened | State::Closing, _) if c.is_ascii_alphabetic() => {
                self.state = State::Name;
                self.tag.name = self.tag.text.len()..0;
            }
            (State::Bang, b'-') => self.state = State::Dash,
            (State::Dash, b'-') => {
                self.state = State::Comment;
                self.found = 2; // "<!-->" is a whole comment, so the dashes of the beginning may be those of the end
                self.tag.text.push(c);
                self.pass();
                return true;
            }
            _ => {
                self.state = State::Text;
                self.pass();
                return false;
            }
        }
        self.tag.text.push(c);
        true
    }

    /// Passes on what is held of a tag.
    fn pass(&mut self) {
        self.out.append(&mut self.tag.text);
    }

    /// Passes on text up to the end tag that ends it, and that tag as it is.
    fn raw(&mut self, c: u8) -> bool {
        let until = self.until.unwrap_or_default();
        if self.found == until.len() && ends_name(c) {
            self.tag.closes = true;
            self.long = true;
            self.until = None;
            self.state = State::Between;
            return false;
        }
        self.found = match until.get(self.found) {
            Some(want) if c.to_ascii_lowercase() == *want => self.found + 1,
            _ => (c == b'<').into(),
        };
        self.out.push(c);
        true
    }

    /// Takes a byte of a tag.
    fn in_tag(&mut self, c: u8) {
        let at = self.tag.text.len();
        let mut quote_ends = false;
        let blank = is_space(c);
        match self.state {
            State::Name if ends_name(c) => {
                self.named(at);
                self.state = State::Between;
            }
            State::Attribute if ends_name(c) || c == b'=' => {
                let a = self.attribute();
                a.name.end = at;
                a.value = at..at;
                self.state = match c {
                    b'=' => State::BeforeValue,
                    _ if blank => State::BeforeEqual,
                    _ => State::Between,
                };
            }
            State::BeforeEqual if c == b'=' => self.state = State::BeforeValue,
            State::BeforeEqual if !blank => self.state = State::Between,
            State::BeforeValue if !blank => {
                self.attribute().value = at..at;
                self.state = match c {
                    b'"' | b'\'' => State::Quoted(c),
                    b'>' => State::Between,
                    _ => State::Unquoted,
                };
                if let State::Quoted(_) = self.state {
                    self.attribute().value = at + 1..at + 1;
                }
            }
            State::Unquoted if blank || c == b'>' => {
                self.attribute().value.end = at;
                self.state = State::Between;
            }
            State::Quoted(quote) if c == quote => {
                self.attribute().value.end = at;
                self.state = State::Between;
                quote_ends = true;
            }
            _ => {}
        }
        self.hold(c);
        if self.state != State::Between || quote_ends || blank || c == b'/' {
            return;
        }
        if c == b'>' {
            return self.finish();
        }
        // An attribute begins; an equals sign at the beginning is part of its name.
        self.state = State::Attribute;
        if self.tag.closes || self.long {
            self.tag.attributes.clear(); // nobody asks for them
        }
        self.tag.attributes.push(Attribute { name: at..at, value: at..at });
    }

    /// The attribute that has begun.
    fn attribute(&mut self) -> &mut Attribute {
        self.tag.attributes.last_mut().expect("an attribute has begun")
    }

    /// Ends the name of a tag.
    fn named(&mut self, at: usize) {
        self.tag.name.end = at;
        self.until = None;
        if !self.tag.closes && !self.long {
            let name = &self.tag.text[self.tag.name.clone()];
            self.until = TEXTS.iter().copied().find(|end| name.eq_ignore_ascii_case(&end[2..]));
        }
    }

    /// Keeps a byte of the tag until it is whole, or passes it on if there are too many.
    fn hold(&mut self, c: u8) {
        if self.long {
            return self.out.push(c);
        }
        self.tag.text.push(c);
        if self.tag.text.len() > MAX_TAG {
            self.long = true;
            self.pass();
        }
    }

    /// Passes on a whole tag.
    fn finish(&mut self) {
        if !self.long {
            (self.write)(&mut self.out, &self.tag);
        }
        self.tag.text.clear();
        self.found = 0;
        self.state = if self.until.is_some() { State::Raw } else { State::Text };
    }
}

fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | 0x0c | b'\r')
}

fn ends_name(c: u8) -> bool {
    is_space(c) || c == b'/' || c == b'>'
}
