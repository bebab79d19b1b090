//! A node for unit tests, where there is none: what a function asks for comes from here, and what it does is left here.
//!
//! ```
//! use wedge::{fake, RequestHook, Result};
//!
//! wedge::hooks! { on_request => greet }
//!
//! fn greet(h: &mut RequestHook) -> Result {
//!     h.respond(200, format!("Hello, {}\n", wedge::config("name").unwrap_or_default()))?;
//!     Ok(())
//! }
//!
//! # fn main() {
//! let node = fake::Node::new();
//! node.config("name", "Ann");
//! let x = node.exchange("GET", "https://shop.example/hello");
//! assert_eq!(x.call(exports::on_request), fake::Outcome::Answered);
//! assert_eq!(x.response().body, b"Hello, Ann\n");
//! # }
//! ```
//!
//! It does not know which hook may do what (the types say most of it), what on the real node happens to a hook that fails is not undone, of hashes there is
//! SHA-256 only, and there are no signatures and traces. `wedge function test` runs cases on the node itself. A node belongs to the thread that made it, and the last one made
//! counts.

use crate::raw::{self, Condition, Fact, FetchOption, HashFunction, Host, KeyOption, Level, Message, Part, Status};
use crate::sha256;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A message's header: names and values in order.
pub type Fields = Vec<(String, String)>;

/// A response, of the exchange or of an origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code; 0 is no response.
    pub status: u16,
    /// The header.
    pub fields: Fields,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the first field line of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// What a hook returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    GoOn,
    /// It has answered.
    Answered,
    /// It failed; the log says why.
    Failed,
}

/// An entry of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The value.
    pub value: Vec<u8>,
    /// What stands beside it.
    pub metadata: Vec<u8>,
    /// Its version.
    pub version: u64,
    /// When it expires, in milliseconds since 1970; 0 is never.
    pub expires: i64,
}

/// What an exchange's hooks have decided, and what it began with.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// The scheme.
    pub scheme: String,
    /// The host.
    pub host: String,
    /// The path.
    pub path: String,
    /// The query, `None` if there is no "?".
    pub query: Option<String>,
    /// The request's header.
    pub fields: Fields,
    /// The request's body.
    pub body: Vec<u8>,
    /// The response.
    pub response: Response,
    /// The parts that were added to the cache key; what took the place of path and query is under "=", what is left out under "-".
    pub key: Fields,
    /// The origin that was chosen.
    pub origin: Option<String>,
    /// Whether the cache is bypassed.
    pub bypass: bool,
    /// Whether a stored response is to be confirmed.
    pub revalidate: bool,
    /// The response stays out of the cache.
    pub no_store: bool,
    /// For how many milliseconds it is fresh.
    pub ttl: Option<i64>,
    /// For how many more it may be served stale.
    pub grace: Option<i64>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The variables.
    pub vars: BTreeMap<String, Vec<u8>>,
    /// Where the response came from.
    pub outcome: String,
    /// Why the fetch failed.
    pub failure: String,
}

/// A request of the function's own.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// The method.
    pub method: String,
    /// The origin's name, "" for a URL.
    pub origin: String,
    /// Path and query, or the URL.
    pub target: String,
    /// The header.
    pub fields: Fields,
    /// The body.
    pub body: Vec<u8>,
    read: usize,
    sent: bool,
}

#[derive(Default)]
struct State {
    config: BTreeMap<String, String>,
    secrets: BTreeMap<String, Vec<u8>>,
    facts: Vec<(Fact, String)>,
    stores: BTreeMap<String, BTreeMap<Vec<u8>, Stored>>,
    opened: Vec<(String, Vec<u8>, Vec<u8>)>, // name, metadata and cursor of what came last
    cached: BTreeMap<Vec<u8>, (Vec<u8>, i64)>,
    counted: Vec<(Vec<u8>, i64, i64)>, // key, when, how much
    penalties: BTreeMap<Vec<u8>, i64>,
    answers: BTreeMap<(String, String), Response>,
    fetches: Vec<Fetched>,
    log: Vec<String>,
    metrics: BTreeMap<String, f64>,
    now: i64,
    seed: u64,
    version: u64,
    x: Exchange,
    stream: Option<(Vec<u8>, Vec<u8>)>,
}

/// A node for tests.
pub struct Node(Rc<RefCell<State>>);

impl Default for Node {
    fn default() -> Node {
        Node::new()
    }
}

impl Node {
    /// Makes a node, and makes it the one of this thread. Its clock stands at 2026-01-02 03:04:05 UTC.
    pub fn new() -> Node {
        let state = Rc::new(RefCell::new(State { now: 1_767_323_045_000, seed: 1, ..State::default() }));
        state.borrow_mut().facts.push((Fact::Address, "192.0.2.1".into()));
        raw::set_host(Box::new(Fake(state.clone())));
        Node(state)
    }

    /// Sets a setting of the binding.
    pub fn config(&self, name: &str, value: &str) {
        self.0.borrow_mut().config.insert(name.into(), value.into());
    }

    /// Sets a secret of the binding.
    pub fn secret(&self, name: &str, value: impl AsRef<[u8]>) {
        self.0.borrow_mut().secrets.insert(name.into(), value.as_ref().into());
    }

    /// Sets what the node knows of clients.
    pub fn fact(&self, fact: Fact, value: &str) {
        let mut s = self.0.borrow_mut();
        s.facts.retain(|(f, _)| *f != fact);
        s.facts.push((fact, value.into()));
    }

    /// Lists a store for the binding.
    pub fn store(&self, store: &str) {
        self.0.borrow_mut().stores.entry(store.into()).or_default();
    }

    /// Puts a value into a store, and lists the store.
    pub fn put(&self, store: &str, key: &str, value: impl AsRef<[u8]>) {
        let mut s = self.0.borrow_mut();
        s.version += 1;
        let entry = Stored { value: value.as_ref().into(), version: s.version, ..Stored::default() };
        s.stores.entry(store.into()).or_default().insert(key.into(), entry);
    }

    /// What a store holds under a key.
    pub fn stored(&self, store: &str, key: &str) -> Option<Stored> {
        self.0.borrow().stores.get(store)?.get(key.as_bytes()).cloned()
    }

    /// Answers requests of the function's own: to an origin, or with "" to a URL.
    pub fn answer(&self, origin: &str, target: &str, response: Response) {
        self.0.borrow_mut().answers.insert((origin.into(), target.into()), response);
    }

    /// The requests that the function has sent.
    pub fn fetches(&self) -> Vec<Fetched> {
        self.0.borrow().fetches.iter().filter(|f| f.sent).cloned().collect()
    }

    /// Lets so many milliseconds pass.
    pub fn pass(&self, ms: i64) {
        self.0.borrow_mut().now += ms;
    }

    /// The log, a line "level: text name=value" each.
    pub fn log(&self) -> Vec<String> {
        self.0.borrow().log.clone()
    }

    /// What was counted, or observed in sum, under a name.
    pub fn metric(&self, name: &str) -> f64 {
        self.0.borrow().metrics.get(name).copied().unwrap_or(0.0)
    }

    /// Begins an exchange with a request for a URL.
    pub fn exchange(&self, method: &str, url: &str) -> Handle {
        let (scheme, rest) = url.split_once("://").expect("a URL with a scheme");
        let (host, target) = match rest.find('/') {
            Some(i) => rest.split_at(i),
            None => (rest, "/"),
        };
        let (path, query) = match target.split_once('?') {
            Some((p, q)) => (p, Some(q.to_string())),
            None => (target, None),
        };
        let mut s = self.0.borrow_mut();
        s.x = Exchange { method: method.into(), scheme: scheme.into(), host: host.into(), path: path.into(), query, ..Exchange::default() };
        s.opened.clear();
        s.stream = None;
        s.seed = s.seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        Handle(self.0.clone())
    }
}

/// The present exchange of a node.
pub struct Handle(Rc<RefCell<State>>);

impl Handle {
    /// Calls a hook.
    pub fn call(&self, hook: extern "C" fn() -> i32) -> Outcome {
        let result = hook();
        let mut s = self.0.borrow_mut();
        if let Some((_, written)) = s.stream.take() {
            s.x.response.body = written;
        }
        match result {
            0 => Outcome::GoOn,
            1 => Outcome::Answered,
            _ => Outcome::Failed,
        }
    }

    /// Adds a field line to the request.
    pub fn field(&self, name: &str, value: &str) -> &Handle {
        self.0.borrow_mut().x.fields.push((name.into(), value.into()));
        self
    }

    /// Makes the response that the hooks after the origin see.
    pub fn respond(&self, status: u16, body: impl AsRef<[u8]>, fields: &[(&str, &str)]) -> &Handle {
        let fields = fields.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        self.0.borrow_mut().x.response = Response { status, fields, body: body.as_ref().into() };
        self
    }

    /// Changes anything.
    pub fn change(&self, f: impl FnOnce(&mut Exchange)) -> &Handle {
        f(&mut self.0.borrow_mut().x);
        self
    }

    /// What the exchange is now.
    pub fn get(&self) -> Exchange {
        self.0.borrow().x.clone()
    }

    /// The response as it is now.
    pub fn response(&self) -> Response {
        self.0.borrow().x.response.clone()
    }
}

struct Fake(Rc<RefCell<State>>);

const OK: i32 = Status::Ok as i32;
const ABSENT: i32 = Status::Absent as i32;
const INVALID: i32 = Status::Invalid as i32;

fn string(b: &[u8]) -> String {
    String::from_utf8_lossy(b).into_owned()
}

fn give(value: &[u8], to: &mut [u8]) -> i32 {
    if value.len() <= to.len() {
        to[..value.len()].copy_from_slice(value);
    }
    value.len() as i32
}

fn give_some(value: Option<&[u8]>, to: &mut [u8]) -> i32 {
    value.map_or(ABSENT, |v| give(v, to))
}

fn packed<'a>(list: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<u8> {
    let list: Vec<(&str, &str)> = list.map(|(n, v)| (n.as_str(), v.as_str())).collect();
    crate::value::packed(&list)
}

/// An address of IPv4 as it is, also of one written as IPv6, and the 64 bits in front of one of IPv6.
fn network(address: &str) -> String {
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(a) if a.segments()[..6] == [0, 0, 0, 0, 0, 0xffff] => std::net::Ipv4Addr::from(u128::from(a) as u32).to_string(),
        Ok(a) => format!("{}/64", std::net::Ipv6Addr::from(u128::from(a) & !(u64::MAX as u128))),
        Err(_) => address.to_string(),
    }
}

fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|c| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(c))
}

fn is_field_value(v: &[u8]) -> bool {
    v.iter().all(|c| *c >= b' ' && *c != 0x7f || *c == b'\t') && !matches!(v.first(), Some(b' ' | b'\t')) && !matches!(v.last(), Some(b' ' | b'\t'))
}

impl State {
    fn fields(&mut self, m: Message) -> &mut Fields {
        match m {
            Message::Request => &mut self.x.fields,
            Message::Response => &mut self.x.response.fields,
        }
    }

    fn entry(&mut self, handle: i32, key: &[u8]) -> Option<Stored> {
        let now = self.now;
        let name = &self.opened.get(handle as usize - 1)?.0;
        self.stores.get(name)?.get(key).filter(|e| e.expires == 0 || e.expires > now).cloned()
    }

    fn map(&mut self, handle: i32) -> Option<&mut BTreeMap<Vec<u8>, Stored>> {
        let name = self.opened.get(handle as usize - 1)?.0.clone();
        self.stores.get_mut(&name)
    }

    fn fetch(&mut self, handle: i32) -> Option<&mut Fetched> {
        self.fetches.get_mut(handle as usize - 1)
    }

    fn answer(&mut self, handle: i32) -> Result<Response, i32> {
        let f = self.fetch(handle).ok_or(Status::BadHandle as i32)?;
        let to = (f.origin.clone(), f.target.clone());
        self.answers.get(&to).cloned().ok_or(Status::Io as i32)
    }

    fn random(&mut self) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed
    }
}

impl Host for Fake {
    fn request_part(&mut self, part: Part, value: &mut [u8]) -> i32 {
        let x = &self.0.borrow().x;
        let uri = match &x.query {
            Some(q) => format!("{}?{}", x.path, q),
            None => x.path.clone(),
        };
        match part {
            Part::Method => give(x.method.as_bytes(), value),
            Part::Scheme => give(x.scheme.as_bytes(), value),
            Part::Host => give(x.host.as_bytes(), value),
            Part::Path => give(x.path.as_bytes(), value),
            Part::Query => give_some(x.query.as_ref().map(|q| q.as_bytes()), value),
            Part::Uri => give(uri.as_bytes(), value),
            Part::Protocol => give(b"1.1", value),
        }
    }
    fn request_part_set(&mut self, part: Part, value: &[u8]) -> i32 {
        let x = &mut self.0.borrow_mut().x;
        let v = string(value);
        match part {
            Part::Method => x.method = v,
            Part::Host => x.host = v,
            Part::Path | Part::Uri if !v.starts_with('/') => return INVALID,
            Part::Path => x.path = v,
            Part::Query => x.query = if v.is_empty() { None } else { Some(v) },
            Part::Uri => match v.split_once('?') {
                Some((p, q)) => (x.path, x.query) = (p.into(), Some(q.into())),
                None => (x.path, x.query) = (v, None),
            },
            Part::Scheme | Part::Protocol => return Status::NotAllowed as i32,
        }
        OK
    }
    fn response_status(&mut self) -> i32 {
        self.0.borrow().x.response.status.into()
    }
    fn response_status_set(&mut self, code: i32) -> i32 {
        if !(200..600).contains(&code) {
            return INVALID;
        }
        self.0.borrow_mut().x.response.status = code as u16;
        OK
    }
    fn field(&mut self, message: Message, name: &[u8], index: i32, value: &mut [u8]) -> i32 {
        let mut s = self.0.borrow_mut();
        let found = s.fields(message).iter().filter(|(n, _)| n.as_bytes().eq_ignore_ascii_case(name)).nth(index as usize);
        give_some(found.map(|(_, v)| v.as_bytes()), value)
    }
    fn field_count(&mut self, message: Message, name: &[u8]) -> i32 {
        self.0.borrow_mut().fields(message).iter().filter(|(n, _)| n.as_bytes().eq_ignore_ascii_case(name)).count() as i32
    }
    fn fields(&mut self, message: Message, pairs: &mut [u8]) -> i32 {
        give(&packed(self.0.borrow_mut().fields(message).iter().map(|(n, v)| (n, v))), pairs)
    }
    fn field_set(&mut self, message: Message, name: &[u8], value: &[u8]) -> i32 {
        if !is_token(name) || !is_field_value(value) {
            return INVALID;
        }
        self.field_remove(message, name);
        self.field_add(message, name, value)
    }
    fn field_add(&mut self, message: Message, name: &[u8], value: &[u8]) -> i32 {
        const OURS: [&str; 8] = ["connection", "transfer-encoding", "content-length", "trailer", "date", "age", "host", "cdn-loop"];
        if !is_token(name) || !is_field_value(value) {
            return INVALID;
        }
        if OURS.contains(&string(name).to_ascii_lowercase().as_str()) {
            return Status::NotAllowed as i32;
        }
        self.0.borrow_mut().fields(message).push((string(name), string(value)));
        OK
    }
    fn field_remove(&mut self, message: Message, name: &[u8]) -> i32 {
        let mut s = self.0.borrow_mut();
        let list = s.fields(message);
        let before = list.len();
        list.retain(|(n, _)| !n.as_bytes().eq_ignore_ascii_case(name));
        if list.len() == before { ABSENT } else { OK }
    }
    fn body(&mut self, message: Message, content: &mut [u8]) -> i32 {
        let x = &self.0.borrow().x;
        give(if message == Message::Request { &x.body } else { &x.response.body }, content)
    }
    fn body_peek(&mut self, message: Message, content: &mut [u8]) -> i32 {
        let x = &self.0.borrow().x;
        let b = if message == Message::Request { &x.body } else { &x.response.body };
        let n = b.len().min(content.len());
        give(&b[..n], content)
    }
    fn body_set(&mut self, message: Message, content: &[u8]) -> i32 {
        let x = &mut self.0.borrow_mut().x;
        *(if message == Message::Request { &mut x.body } else { &mut x.response.body }) = content.into();
        OK
    }
    fn body_append(&mut self, message: Message, content: &[u8]) -> i32 {
        let x = &mut self.0.borrow_mut().x;
        (if message == Message::Request { &mut x.body } else { &mut x.response.body }).extend_from_slice(content);
        OK
    }
    fn body_stream_begin(&mut self) -> i32 {
        let mut s = self.0.borrow_mut();
        s.stream = Some((s.x.response.body.clone(), Vec::new()));
        OK
    }
    fn body_stream_read(&mut self, content: &mut [u8]) -> i32 {
        match &mut self.0.borrow_mut().stream {
            None => INVALID,
            Some((rest, _)) => {
                let n = rest.len().min(content.len());
                content[..n].copy_from_slice(&rest[..n]);
                rest.drain(..n);
                n as i32
            }
        }
    }
    fn body_stream_write(&mut self, content: &[u8]) -> i32 {
        match &mut self.0.borrow_mut().stream {
            None => INVALID,
            Some((_, written)) => {
                written.extend_from_slice(content);
                OK
            }
        }
    }
    fn respond(&mut self, code: i32, content: &[u8]) -> i32 {
        if !(200..600).contains(&code) {
            return INVALID;
        }
        self.0.borrow_mut().x.response = Response { status: code as u16, fields: Fields::new(), body: content.into() };
        OK
    }
    fn failure(&mut self, word: &mut [u8]) -> i32 {
        let s = self.0.borrow();
        give_some(Some(s.x.failure.as_bytes()).filter(|f| !f.is_empty()), word)
    }
    fn client(&mut self, fact: Fact, value: &mut [u8]) -> i32 {
        let s = self.0.borrow();
        let known = |fact| s.facts.iter().find(|(f, _)| *f == fact).map(|(_, v)| v.as_str());
        match known(fact) {
            None if fact == Fact::Network => give_some(known(Fact::Address).map(network).as_deref().map(str::as_bytes), value),
            v => give_some(v.map(str::as_bytes), value),
        }
    }
    fn exchange_id(&mut self, id: &mut [u8]) -> i32 {
        give(b"000102030405060708090a0b0c0d0e0f", id)
    }
    fn hash(&mut self, function: HashFunction, data: &[u8], digest: &mut [u8]) -> i32 {
        match function {
            HashFunction::Sha256 => give(&sha256::hash(data), digest),
            _ => Status::Unavailable as i32,
        }
    }
    fn hmac(&mut self, function: HashFunction, key: &[u8], data: &[u8], code: &mut [u8]) -> i32 {
        match function {
            HashFunction::Sha256 => give(&sha256::hmac(key, data), code),
            _ => Status::Unavailable as i32,
        }
    }
    fn hmac_secret(&mut self, function: HashFunction, secret: &[u8], data: &[u8], code: &mut [u8]) -> i32 {
        let key = self.0.borrow().secrets.get(&string(secret)).cloned();
        key.map_or(ABSENT, |key| self.hmac(function, &key, data, code))
    }
    fn var_get(&mut self, name: &[u8], value: &mut [u8]) -> i32 {
        give_some(self.0.borrow().x.vars.get(&string(name)).map(|v| v.as_slice()), value)
    }
    fn var_set(&mut self, name: &[u8], value: &[u8]) -> i32 {
        self.0.borrow_mut().x.vars.insert(string(name), value.into());
        OK
    }
    fn var_remove(&mut self, name: &[u8]) -> i32 {
        self.0.borrow_mut().x.vars.remove(&string(name)).map_or(ABSENT, |_| OK)
    }
    fn origin_set(&mut self, name: &[u8]) -> i32 {
        self.0.borrow_mut().x.origin = Some(string(name));
        OK
    }
    fn cache_key_add(&mut self, name: &[u8], value: &[u8]) -> i32 {
        self.0.borrow_mut().x.key.push((string(name), string(value)));
        OK
    }
    fn cache_key_set(&mut self, value: &[u8]) -> i32 {
        self.0.borrow_mut().x.key.push(("=".into(), string(value)));
        OK
    }
    fn cache_key_ignore(&mut self, name: &[u8]) -> i32 {
        self.0.borrow_mut().x.key.push(("-".into(), string(name)));
        OK
    }
    fn cache_key_option(&mut self, option: KeyOption) -> i32 {
        self.0.borrow_mut().x.key.push(("-".into(), format!("{:?}", option)));
        OK
    }
    fn cache_bypass(&mut self) -> i32 {
        self.0.borrow_mut().x.bypass = true;
        OK
    }
    fn cache_revalidate(&mut self) -> i32 {
        self.0.borrow_mut().x.revalidate = true;
        OK
    }
    fn cache_ttl_set(&mut self, ttl: i64) -> i32 {
        self.0.borrow_mut().x.ttl = Some(ttl);
        OK
    }
    fn cache_grace_set(&mut self, grace: i64) -> i32 {
        self.0.borrow_mut().x.grace = Some(grace);
        OK
    }
    fn cache_tag_add(&mut self, tag: &[u8]) -> i32 {
        if tag.is_empty() || tag.len() > 256 || !tag.iter().all(|c| (0x21..0x7f).contains(c) && *c != b',') {
            return INVALID;
        }
        self.0.borrow_mut().x.tags.push(string(tag));
        OK
    }
    fn cache_no_store(&mut self) -> i32 {
        self.0.borrow_mut().x.no_store = true;
        OK
    }
    fn cache_outcome(&mut self, word: &mut [u8]) -> i32 {
        let s = self.0.borrow();
        give_some(Some(s.x.outcome.as_bytes()).filter(|o| !o.is_empty()), word)
    }
    fn store_get(&mut self, key: &[u8], value: &mut [u8]) -> i32 {
        let s = self.0.borrow();
        give_some(s.cached.get(key).filter(|(_, until)| *until > s.now).map(|(v, _)| v.as_slice()), value)
    }
    fn store_put(&mut self, key: &[u8], value: &[u8], ttl: i64, _tags: &[u8]) -> i32 {
        if key.is_empty() || ttl <= 0 {
            return INVALID;
        }
        let mut s = self.0.borrow_mut();
        let until = s.now + ttl;
        s.cached.insert(key.into(), (value.into(), until));
        OK
    }
    fn store_delete(&mut self, key: &[u8]) -> i32 {
        self.0.borrow_mut().cached.remove(key).map_or(ABSENT, |_| OK)
    }
    fn kv_open(&mut self, name: &[u8]) -> i32 {
        let mut s = self.0.borrow_mut();
        let name = string(name);
        if !s.stores.contains_key(&name) {
            return Status::NotAllowed as i32;
        }
        if let Some(i) = s.opened.iter().position(|(n, _, _)| *n == name) {
            return i as i32 + 1;
        }
        s.opened.push((name, Vec::new(), Vec::new()));
        s.opened.len() as i32
    }
    fn kv_get(&mut self, store: i32, key: &[u8], value: &mut [u8], about: &mut [u64; 2]) -> i32 {
        let mut s = self.0.borrow_mut();
        match s.entry(store, key) {
            None => ABSENT,
            Some(e) => {
                *about = [e.version, e.expires as u64];
                s.opened[store as usize - 1].1 = e.metadata;
                give(&e.value, value)
            }
        }
    }
    fn kv_metadata(&mut self, store: i32, value: &mut [u8]) -> i32 {
        let s = self.0.borrow();
        s.opened.get(store as usize - 1).map_or(Status::BadHandle as i32, |o| give(&o.1, value))
    }
    fn kv_put(&mut self, store: i32, key: &[u8], value: &[u8], metadata: &[u8], ttl: i64, condition: Condition, version: i64, about: &mut u64) -> i32 {
        let mut s = self.0.borrow_mut();
        let present = s.entry(store, key).map_or(0, |e| e.version);
        if condition == Condition::IfAbsent && present != 0 || condition == Condition::IfVersion && present != version as u64 {
            *about = present;
            return Status::Conflict as i32;
        }
        s.version += 1;
        let entry = Stored { value: value.into(), metadata: metadata.into(), version: s.version, expires: if ttl == 0 { 0 } else { s.now + ttl } };
        *about = s.version;
        match s.map(store) {
            None => Status::BadHandle as i32,
            Some(m) => {
                m.insert(key.into(), entry);
                OK
            }
        }
    }
    fn kv_delete(&mut self, store: i32, key: &[u8], condition: Condition, version: i64) -> i32 {
        let mut s = self.0.borrow_mut();
        match s.entry(store, key) {
            None => ABSENT,
            Some(e) if condition == Condition::IfVersion && e.version != version as u64 => Status::Conflict as i32,
            Some(_) => {
                s.map(store).map(|m| m.remove(key));
                OK
            }
        }
    }
    fn kv_add(&mut self, store: i32, key: &[u8], delta: i64, ttl: i64, sum: &mut u64) -> i32 {
        let old = self.0.borrow_mut().entry(store, key);
        let n = match &old {
            None => 0,
            Some(e) => match string(&e.value).parse::<i64>() {
                Ok(n) => n,
                Err(_) => return Status::NotNumber as i32,
            },
        };
        *sum = (n + delta) as u64;
        let result = self.kv_put(store, key, (n + delta).to_string().as_bytes(), &[], ttl, Condition::Always, 0, &mut 0);
        if let (Some(e), Some(m)) = (old, self.0.borrow_mut().map(store)) {
            m.entry(key.into()).and_modify(|new| new.expires = e.expires); // the ttl is for a new one
        }
        result
    }
    fn kv_list(&mut self, store: i32, prefix: &[u8], cursor: &[u8], limit: i32, page: &mut [u8]) -> i32 {
        let mut s = self.0.borrow_mut();
        let now = s.now;
        let (mut b, mut last, mut count, mut more) = (Vec::new(), Vec::new(), 0, false);
        match s.map(store) {
            None => return Status::BadHandle as i32,
            Some(m) => {
                for (k, e) in m.iter().filter(|(k, e)| k.starts_with(prefix) && k.as_slice() > cursor && (e.expires == 0 || e.expires > now)) {
                    if count == limit {
                        more = true;
                        break;
                    }
                    count += 1;
                    b.extend_from_slice(&(k.len() as u32).to_le_bytes());
                    b.extend_from_slice(&(e.metadata.len() as u32).to_le_bytes());
                    b.extend_from_slice(&e.version.to_le_bytes());
                    b.extend_from_slice(&e.expires.to_le_bytes());
                    b.extend_from_slice(k);
                    b.extend_from_slice(&e.metadata);
                    last = k.clone();
                }
            }
        }
        s.opened[store as usize - 1].2 = if more { last } else { Vec::new() };
        give(&b, page)
    }
    fn kv_list_cursor(&mut self, store: i32, cursor: &mut [u8]) -> i32 {
        let s = self.0.borrow();
        s.opened.get(store as usize - 1).map_or(Status::BadHandle as i32, |o| give(&o.2, cursor))
    }
    fn counter_add(&mut self, key: &[u8], window: i64, delta: i64, sum: &mut u64) -> i32 {
        let now = self.0.borrow().now;
        self.0.borrow_mut().counted.push((key.into(), now, delta));
        self.counter_read(key, window, sum)
    }
    fn counter_read(&mut self, key: &[u8], window: i64, sum: &mut u64) -> i32 {
        if !(1000..=86_400_000).contains(&window) || key.is_empty() {
            return INVALID;
        }
        let s = self.0.borrow();
        *sum = s.counted.iter().filter(|(k, at, _)| k == key && *at > s.now - window).map(|(_, _, n)| n).sum::<i64>() as u64;
        OK
    }
    fn penalty_set(&mut self, key: &[u8], duration: i64) -> i32 {
        let mut s = self.0.borrow_mut();
        let until = s.now + duration;
        s.penalties.insert(key.into(), until);
        OK
    }
    fn penalty(&mut self, key: &[u8], left: &mut u64) -> i32 {
        let s = self.0.borrow();
        *left = s.penalties.get(key).map_or(0, |until| (until - s.now).max(0)) as u64;
        OK
    }
    fn fetch_new(&mut self, method: &[u8], origin: &[u8], target: &[u8]) -> i32 {
        let mut s = self.0.borrow_mut();
        s.fetches.push(Fetched { method: string(method), origin: string(origin), target: string(target), ..Fetched::default() });
        s.fetches.len() as i32
    }
    fn fetch_field_add(&mut self, fetch: i32, name: &[u8], value: &[u8]) -> i32 {
        if !is_token(name) || !is_field_value(value) {
            return INVALID;
        }
        self.0.borrow_mut().fetch(fetch).map_or(Status::BadHandle as i32, |f| {
            f.fields.push((string(name), string(value)));
            OK
        })
    }
    fn fetch_body_append(&mut self, fetch: i32, content: &[u8]) -> i32 {
        self.0.borrow_mut().fetch(fetch).map_or(Status::BadHandle as i32, |f| {
            f.body.extend_from_slice(content);
            OK
        })
    }
    fn fetch_option_set(&mut self, _fetch: i32, _option: FetchOption, _value: i64) -> i32 {
        OK
    }
    fn fetch_send(&mut self, fetch: i32) -> i32 {
        self.0.borrow_mut().fetch(fetch).map_or(Status::BadHandle as i32, |f| {
            f.sent = true;
            OK
        })
    }
    fn fetch_status(&mut self, fetch: i32) -> i32 {
        self.0.borrow_mut().answer(fetch).map_or_else(|n| n, |r| r.status.into())
    }
    fn fetch_field(&mut self, fetch: i32, name: &[u8], index: i32, value: &mut [u8]) -> i32 {
        match self.0.borrow_mut().answer(fetch) {
            Err(n) => n,
            Ok(r) => give_some(r.fields.iter().filter(|(n, _)| n.as_bytes().eq_ignore_ascii_case(name)).nth(index as usize).map(|(_, v)| v.as_bytes()), value),
        }
    }
    fn fetch_fields(&mut self, fetch: i32, pairs: &mut [u8]) -> i32 {
        self.0.borrow_mut().answer(fetch).map_or_else(|n| n, |r| give(&packed(r.fields.iter().map(|(n, v)| (n, v))), pairs))
    }
    fn fetch_body_read(&mut self, fetch: i32, content: &mut [u8]) -> i32 {
        let mut s = self.0.borrow_mut();
        match s.answer(fetch) {
            Err(n) => n,
            Ok(r) => s.fetch(fetch).map_or(Status::BadHandle as i32, |f| {
                let n = content.len().min(r.body.len() - f.read);
                content[..n].copy_from_slice(&r.body[f.read..f.read + n]);
                f.read += n;
                n as i32
            }),
        }
    }
    fn fetch_close(&mut self, _fetch: i32) -> i32 {
        OK
    }
    fn config(&mut self, name: &[u8], value: &mut [u8]) -> i32 {
        give_some(self.0.borrow().config.get(&string(name)).map(|v| v.as_bytes()), value)
    }
    fn config_list(&mut self, pairs: &mut [u8]) -> i32 {
        give(&packed(self.0.borrow().config.iter()), pairs)
    }
    fn secret(&mut self, name: &[u8], value: &mut [u8]) -> i32 {
        give_some(self.0.borrow().secrets.get(&string(name)).map(|v| v.as_slice()), value)
    }
    fn equal(&mut self, a: &[u8], b: &[u8]) -> i32 {
        (a == b).into()
    }
    fn random(&mut self, target: &mut [u8]) -> i32 {
        for b in target.iter_mut() {
            *b = self.0.borrow_mut().random() as u8;
        }
        target.len() as i32
    }
    fn seed(&mut self) -> i64 {
        self.0.borrow_mut().random() as i64
    }
    fn log(&mut self, level: Level, line: &[u8], pairs: &[u8]) -> i32 {
        let mut text = format!("{}: {}", format!("{:?}", level).to_lowercase(), string(line));
        for (n, v) in crate::value::pairs(pairs) {
            text += &format!(" {}={}", n, v);
        }
        self.0.borrow_mut().log.push(text);
        OK
    }
    fn metric_add(&mut self, name: &[u8], delta: i64) -> i32 {
        if delta < 0 {
            return INVALID;
        }
        *self.0.borrow_mut().metrics.entry(string(name)).or_default() += delta as f64;
        OK
    }
    fn metric_observe(&mut self, name: &[u8], value: f64) -> i32 {
        *self.0.borrow_mut().metrics.entry(string(name)).or_default() += value;
        OK
    }
    fn now(&mut self) -> i64 {
        self.0.borrow().now * 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counter, Kv, PutOptions, RequestHook, ResponseHook, Result};
    use std::io::{Read, Write};

    fn limit(h: &mut RequestHook) -> Result {
        let n = Counter { key: "all", window: 60_000 }.add(1)?;
        if n > 2 {
            crate::log_with(Level::Info, "too many", &[("n", &n.to_string())]);
            h.respond(429, "later\n")?.header().set("Retry-After", "60")?;
        }
        Ok(())
    }
    extern "C" fn on_request() -> i32 {
        crate::hook::on_request(limit)
    }

    #[test]
    fn what_a_client_has_of_a_network() {
        let node = Node::new();
        node.exchange("GET", "https://shop.example/");
        let f = |address: &str, want: &str| {
            node.fact(Fact::Address, address);
            assert_eq!(crate::client(Fact::Network).as_deref(), Some(want));
        };
        f("192.0.2.1", "192.0.2.1");
        f("2001:db8:0:1:ffff::8", "2001:db8:0:1::/64");
        f("::1", "::/64");
        f("::ffff:192.0.2.1", "192.0.2.1");
        node.fact(Fact::Network, "n");
        f("::1", "n");
    }

    #[test]
    fn counts_and_answers() {
        let node = Node::new();
        for i in 0..4 {
            let x = node.exchange("GET", "https://shop.example/a?b=c");
            let outcome = x.call(on_request);
            assert_eq!(outcome, if i < 2 { Outcome::GoOn } else { Outcome::Answered });
            if i == 3 {
                assert_eq!((x.response().status, x.response().get("retry-after")), (429, Some("60")));
            }
        }
        assert_eq!(node.log(), ["info: too many n=3", "info: too many n=4"]);
        node.pass(60_000);
        assert_eq!(node.exchange("GET", "https://shop.example/").call(on_request), Outcome::GoOn);
    }

    fn bad(h: &mut RequestHook) -> Result {
        h.request().header().set("X-A", "a\r\nb: c")
    }
    extern "C" fn on_bad() -> i32 {
        crate::hook::on_request(bad)
    }

    #[test]
    fn says_what_failed() {
        let node = Node::new();
        assert_eq!(node.exchange("GET", "https://shop.example/").call(on_bad), Outcome::Failed);
        assert_eq!(node.log(), ["error: on_request: set field \"X-A\": invalid argument"]);
    }

    fn upper(h: &mut ResponseHook) -> Result<(), std::io::Error> {
        let mut s = h.stream().unwrap();
        let mut b = [0; 3];
        loop {
            let n = s.read(&mut b)?;
            if n == 0 {
                return Ok(());
            }
            s.write_all(&b[..n].to_ascii_uppercase())?;
        }
    }
    extern "C" fn on_response() -> i32 {
        crate::hook::on_response(upper)
    }

    #[test]
    fn streams() {
        let node = Node::new();
        let x = node.exchange("GET", "https://shop.example/");
        x.respond(200, "abcdefg", &[]);
        assert_eq!(x.call(on_response), Outcome::GoOn);
        assert_eq!(x.response().body, b"ABCDEFG");
    }

    #[test]
    fn stores() {
        let node = Node::new();
        node.store("s");
        node.exchange("GET", "https://shop.example/");
        let s = Kv("s");
        assert!(Kv("t").text("a").unwrap_err().is(Status::NotAllowed));
        assert_eq!(s.text("a"), Ok(None));
        let v = s.put("a", "1", PutOptions { if_absent: true, ttl: 1000, metadata: b"m", ..Default::default() }).unwrap();
        assert!(s.put("a", "1", PutOptions { if_absent: true, ..Default::default() }).unwrap_err().is(Status::Conflict));
        let e = s.get("a").unwrap().unwrap();
        assert_eq!((e.value.as_slice(), e.metadata.as_slice(), e.version, e.expires), (&b"1"[..], &b"m"[..], v, crate::now() + 1000));
        assert_eq!(s.add("a", 4, 0), Ok(5));
        assert_eq!(s.get("a").unwrap().unwrap().expires, e.expires);
        for k in ["b1", "b2", "b3"] {
            s.put(k, "x".repeat(1000), PutOptions::default()).unwrap();
        }
        let page = s.list("b", "", 2).unwrap();
        assert_eq!(page.entries.iter().map(|e| e.key.as_str()).collect::<Vec<_>>(), ["b1", "b2"]);
        let rest = s.list("b", &page.next.unwrap(), 2).unwrap();
        assert_eq!((rest.entries.len(), rest.next), (1, None));
        assert_eq!(s.text("b1").unwrap().unwrap().len(), 1000);
        node.pass(1000);
        assert_eq!(s.text("a"), Ok(None));
        assert_eq!((s.delete("b1"), s.delete("b1")), (Ok(true), Ok(false)));
    }

    #[test]
    fn fetches() {
        let node = Node::new();
        node.answer("api", "/x", Response { status: 203, fields: vec![("A".into(), "b".into())], body: vec![7; 9000] });
        node.exchange("GET", "https://shop.example/");
        let mut r = crate::fetch::origin("api", "/x").fetch().unwrap();
        assert_eq!((r.status, r.get("a").as_deref(), r.body(9000).unwrap().len()), (203, Some("b"), 9000));
        assert!(crate::fetch::origin("api", "/x").fetch().unwrap().body(8999).unwrap_err().is(Status::TooLarge));
        assert!(crate::fetch::url("http://y.example/").fetch().unwrap_err().is(Status::Io));
        assert_eq!(node.fetches().len(), 3);
    }
}
