// Does what functions at the edge do, as a Rust program does it. All languages' work has the same results.
use std::collections::HashMap;

const BLOCK: &str = concat!(
    "Host: shop.example\r\n",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0\r\n",
    "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n",
    "Accept-Language: de-CH,de;q=0.8,en;q=0.5\r\n",
    "Accept-Encoding: gzip, deflate, br, zstd\r\n",
    "Referer: https://shop.example/shoes?page=2\r\n",
    "Cookie: theme=dark; consent=yes; session=6f2c0d9a41b7e835; cart=3\r\n",
    "DNT: 1\r\n",
    "Connection: keep-alive\r\n",
    "Upgrade-Insecure-Requests: 1\r\n",
    "Sec-Fetch-Dest: document\r\n",
    "Sec-Fetch-Mode: navigate\r\n",
    "Sec-Fetch-Site: same-origin\r\n",
    "If-None-Match: \"a81f-5e1\"\r\n",
    "Cache-Control: max-age=0\r\n",
    "X-Forwarded-For: 192.0.2.7\r\n",
    "X-Forwarded-Proto: https\r\n",
    "X-Request-Id: f27cce38860d3c63\r\n",
    "Priority: u=0, i\r\n",
    "X-Round: 0\r\n"
);

const DOCUMENT: &str = concat!(
    "{\"round\":0,\"order\":{\"id\":48213,\"paid\":true,\"note\":\"leave it \\\"at\\\" the door\",\"lines\":[{\"sku\":\"A-1\",",
    "\"count\":2,\"price\":1999,\"tags\":[\"shoe\",\"red\",\"sale\"]},{\"sku\":\"B-17\",\"count\":1,\"price\":450,",
    "\"tags\":[]},{\"sku\":\"C-204\",\"count\":12,\"price\":75,\"tags\":[\"sock\",\"wool\"]}]},\"customer\":{\"name\":\"Ada Example\",",
    "\"city\":\"Zurich\",\"since\":2019,\"vip\":false,\"points\":[12,40,-7,388]}}"
);

fn hash(h: u64, s: &str) -> u64 {
    s.bytes().fold(h, |h, b| (h ^ b as u64).wrapping_mul(0x100000001b3))
}

fn mix(sum: u64, v: u64) -> u64 {
    sum.wrapping_mul(31).wrapping_add(v)
}

#[no_mangle]
pub extern "C" fn headers(n: u32) -> u64 {
    let mut sum = 0;
    for round in 0..n {
        let text = format!("{}{}\r\n", &BLOCK[..BLOCK.len() - 3], round % 10);
        let mut h = 0xcbf29ce484222325;
        let mut fields = HashMap::new();
        for line in text.split_terminator("\r\n") {
            let (name, value) = line.split_once(": ").unwrap();
            let name = name.to_ascii_lowercase();
            h = hash(hash(h, &name), value);
            fields.insert(name, value);
        }
        let session = fields["cookie"].split("; ").filter_map(|p| p.strip_prefix("session=")).map(|v| v.len()).sum::<usize>();
        let rest = session + fields["host"].len() + fields["accept-language"].len() + fields["x-round"].as_bytes()[0] as usize;
        sum = mix(sum, h.wrapping_add(rest as u64));
    }
    sum
}

enum Value {
    Object(Vec<(String, Value)>),
    Array(Vec<Value>),
    Text(String),
    Number(i64),
    Bool(bool),
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> u8 {
        self.at += 1;
        self.text[self.at - 1]
    }

    fn skip(&mut self, c: u8) {
        if self.text[self.at] == c {
            self.at += 1;
        }
    }

    fn string(&mut self) -> String {
        let mut out = String::new();
        self.at += 1;
        loop {
            match self.next() {
                b'"' => return out,
                b'\\' => out.push(self.next() as char),
                c => out.push(c as char),
            }
        }
    }

    fn value(&mut self) -> Value {
        match self.text[self.at] {
            b'{' => {
                let mut members = Vec::new();
                self.at += 1;
                while self.text[self.at] != b'}' {
                    let name = self.string();
                    self.skip(b':');
                    members.push((name, self.value()));
                    self.skip(b',');
                }
                self.at += 1;
                Value::Object(members)
            }
            b'[' => {
                let mut items = Vec::new();
                self.at += 1;
                while self.text[self.at] != b']' {
                    items.push(self.value());
                    self.skip(b',');
                }
                self.at += 1;
                Value::Array(items)
            }
            b'"' => Value::Text(self.string()),
            b't' => {
                self.at += 4;
                Value::Bool(true)
            }
            b'f' => {
                self.at += 5;
                Value::Bool(false)
            }
            _ => {
                let from = self.at;
                while matches!(self.text[self.at], b'-' | b'0'..=b'9') {
                    self.at += 1;
                }
                Value::Number(std::str::from_utf8(&self.text[from..self.at]).unwrap().parse().unwrap())
            }
        }
    }
}

// Adds up a JSON value: its integers, the lengths of its strings, one for each true.
fn total(v: &Value) -> i64 {
    match v {
        Value::Object(members) => members.iter().map(|(name, v)| name.len() as i64 + total(v)).sum(),
        Value::Array(items) => items.iter().map(total).sum(),
        Value::Text(s) => s.len() as i64,
        Value::Number(n) => *n,
        Value::Bool(b) => *b as i64,
    }
}

#[no_mangle]
pub extern "C" fn json(n: u32) -> u64 {
    let mut sum = 0;
    let mut text = DOCUMENT.as_bytes().to_vec();
    for round in 0..n {
        text[9] = b'0' + (round % 10) as u8;
        sum = mix(sum, total(&Parser { text: &text, at: 0 }.value()) as u64);
    }
    sum
}

#[no_mangle]
pub extern "C" fn r#loop(n: u32) -> u64 {
    (0..n).fold(0u64, |x, i| x.wrapping_mul(6364136223846793005).wrapping_add(i as u64))
}

#[no_mangle]
pub extern "C" fn crc(n: u32) -> u64 {
    static mut TABLE: [u32; 256] = [0; 256];
    static mut DATA: [u8; 4096] = [0; 4096];
    let (table, data) = unsafe { (&mut *std::ptr::addr_of_mut!(TABLE), &mut *std::ptr::addr_of_mut!(DATA)) };
    if table[1] == 0 {
        for (i, entry) in table.iter_mut().enumerate() {
            *entry = (0..8).fold(i as u32, |c, _| if c & 1 != 0 { c >> 1 ^ 0xedb88320 } else { c >> 1 });
        }
    }
    for (i, b) in data.iter_mut().enumerate() {
        *b = (i * 31) as u8;
    }
    let mut sum = 0;
    for round in 0..n {
        let c = data.iter().fold(!round, |c, b| table[(c as u8 ^ b) as usize] ^ c >> 8);
        sum = mix(sum, c as u64);
    }
    sum
}

struct Node {
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
}

fn grown(depth: u32) -> Option<Box<Node>> {
    Some(Box::new(if depth == 0 { Node { left: None, right: None } } else { Node { left: grown(depth - 1), right: grown(depth - 1) } }))
}

fn count(t: &Option<Box<Node>>) -> u64 {
    t.as_ref().map_or(0, |t| 1 + count(&t.left) + count(&t.right))
}

#[no_mangle]
pub extern "C" fn alloc(n: u32) -> u64 {
    (0..n).fold(0, |sum, _| mix(sum, count(&grown(8))))
}

static mut PAGES: [u8; 32 * 4096] = [0; 32 * 4096];

#[no_mangle]
pub extern "C" fn touch(n: u32) -> u64 {
    for i in 0..n.min(32) as usize {
        unsafe {
            let p = std::ptr::addr_of_mut!(PAGES[i * 4096 + 17]);
            p.write_volatile(p.read_volatile().wrapping_add(1));
        }
    }
    n as u64
}

#[no_mangle]
pub extern "C" fn empty(n: u32) -> u64 {
    n as u64
}
