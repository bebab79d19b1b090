// Does what functions at the edge do, as an AssemblyScript program does it. All languages' work has the same results.

const block =
  "Host: shop.example\r\n" +
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0\r\n" +
  "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n" +
  "Accept-Language: de-CH,de;q=0.8,en;q=0.5\r\n" +
  "Accept-Encoding: gzip, deflate, br, zstd\r\n" +
  "Referer: https://shop.example/shoes?page=2\r\n" +
  "Cookie: theme=dark; consent=yes; session=6f2c0d9a41b7e835; cart=3\r\n" +
  "DNT: 1\r\n" +
  "Connection: keep-alive\r\n" +
  "Upgrade-Insecure-Requests: 1\r\n" +
  "Sec-Fetch-Dest: document\r\n" +
  "Sec-Fetch-Mode: navigate\r\n" +
  "Sec-Fetch-Site: same-origin\r\n" +
  "If-None-Match: \"a81f-5e1\"\r\n" +
  "Cache-Control: max-age=0\r\n" +
  "X-Forwarded-For: 192.0.2.7\r\n" +
  "X-Forwarded-Proto: https\r\n" +
  "X-Request-Id: f27cce38860d3c63\r\n" +
  "Priority: u=0, i\r\n" +
  "X-Round: 0\r\n";

const document =
  "{\"round\":0,\"order\":{\"id\":48213,\"paid\":true,\"note\":\"leave it \\\"at\\\" the door\",\"lines\":[{\"sku\":\"A-1\"," +
  "\"count\":2,\"price\":1999,\"tags\":[\"shoe\",\"red\",\"sale\"]},{\"sku\":\"B-17\",\"count\":1,\"price\":450," +
  "\"tags\":[]},{\"sku\":\"C-204\",\"count\":12,\"price\":75,\"tags\":[\"sock\",\"wool\"]}]},\"customer\":{\"name\":\"Ada Example\"," +
  "\"city\":\"Zurich\",\"since\":2019,\"vip\":false,\"points\":[12,40,-7,388]}}";

function hash(h: u64, s: string): u64 {
  for (let i = 0; i < s.length; i++) h = (h ^ s.charCodeAt(i)) * 0x100000001b3;
  return h;
}

export function headers(n: u32): u64 {
  let sum: u64 = 0;
  for (let round: u32 = 0; round < n; round++) {
    const text = block.slice(0, block.length - 3) + (round % 10).toString() + "\r\n";
    let h: u64 = 0xcbf29ce484222325;
    const fields = new Map<string, string>();
    for (let at = 0; at < text.length; ) {
      const end = text.indexOf("\r\n", at);
      const colon = text.indexOf(": ", at);
      const name = text.substring(at, colon).toLowerCase();
      const value = text.substring(colon + 2, end);
      fields.set(name, value);
      h = hash(hash(h, name), value);
      at = end + 2;
    }
    let session = 0;
    const pairs = fields.get("cookie").split("; ");
    for (let i = 0; i < pairs.length; i++) {
      const equal = pairs[i].indexOf("=");
      if (pairs[i].substring(0, equal) == "session") session = pairs[i].length - equal - 1;
    }
    sum = sum * 31 + h + session + fields.get("host").length + fields.get("accept-language").length + fields.get("x-round").charCodeAt(0);
  }
  return sum;
}

class Parser {
  at: i32 = 0;
  constructor(public text: string) {}

  // value adds up a JSON value: its integers, the lengths of its strings, one for each true.
  value(): i64 {
    let sum: i64 = 0;
    let c = this.text.charCodeAt(this.at);
    if (c == 0x7b || c == 0x5b) {
      this.at++;
      while ((c = this.text.charCodeAt(this.at)) != 0x7d && c != 0x5d) {
        sum += this.value();
        c = this.text.charCodeAt(this.at);
        if (c == 0x2c || c == 0x3a) this.at++;
      }
      this.at++;
      return sum;
    }
    if (c == 0x22) return this.string().length;
    if (c == 0x74) {
      this.at += 4;
      return 1;
    }
    if (c == 0x66) {
      this.at += 5;
      return 0;
    }
    const from = this.at;
    while (c == 0x2d || (c >= 0x30 && c <= 0x39)) c = this.text.charCodeAt(++this.at);
    return I64.parseInt(this.text.substring(from, this.at));
  }

  string(): string {
    let out = "";
    let from = ++this.at;
    for (let c = this.text.charCodeAt(from); c != 0x22; c = this.text.charCodeAt(this.at)) {
      if (c == 0x5c) {
        out += this.text.substring(from, this.at);
        from = ++this.at;
      }
      this.at++;
    }
    return out + this.text.substring(from, this.at++);
  }
}

export function json(n: u32): u64 {
  let sum: u64 = 0;
  for (let round: u32 = 0; round < n; round++) {
    const text = document.slice(0, 9) + (round % 10).toString() + document.slice(10);
    sum = sum * 31 + new Parser(text).value();
  }
  return sum;
}

export function loop(n: u32): u64 {
  let x: u64 = 0;
  for (let i: u32 = 0; i < n; i++) x = x * 6364136223846793005 + i;
  return x;
}

const table = new StaticArray<u32>(256);
const data = new StaticArray<u8>(4096);

export function crc(n: u32): u64 {
  if (table[1] == 0) {
    for (let i: u32 = 0; i < 256; i++) {
      let c = i;
      for (let k = 0; k < 8; k++) c = c & 1 ? (c >> 1) ^ 0xedb88320 : c >> 1;
      table[i] = c;
    }
  }
  for (let i = 0; i < 4096; i++) data[i] = <u8>(i * 31);
  let sum: u64 = 0;
  for (let round: u32 = 0; round < n; round++) {
    let c = ~round;
    for (let i = 0; i < 4096; i++) c = table[(c ^ data[i]) & 255] ^ (c >> 8);
    sum = sum * 31 + c;
  }
  return sum;
}

class Node {
  left: Node | null = null;
  right: Node | null = null;

  constructor(depth: i32) {
    if (depth > 0) {
      this.left = new Node(depth - 1);
      this.right = new Node(depth - 1);
    }
  }

  count(): u64 {
    const left = this.left;
    const right = this.right;
    return 1 + (left ? left.count() : 0) + (right ? right.count() : 0);
  }
}

export function alloc(n: u32): u64 {
  let sum: u64 = 0;
  for (let round: u32 = 0; round < n; round++) sum = sum * 31 + new Node(8).count();
  return sum;
}

const pages = memory.data(131072);

export function touch(n: u32): u64 {
  for (let i: usize = 0; i < n && i < 32; i++) {
    const p = pages + i * 4096 + 17;
    store<u8>(p, load<u8>(p) + 1);
  }
  return n;
}

export function empty(n: u32): u64 {
  return n;
}
