// Does what functions at the edge do, as a Go program does it. All languages' work has the same results.
package main

import (
	"encoding/json"
	"strings"
)

const block = "Host: shop.example\r\n" +
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
	"X-Round: 0\r\n"

const document = "{\"round\":0,\"order\":{\"id\":48213,\"paid\":true,\"note\":\"leave it \\\"at\\\" the door\",\"lines\":[{\"sku\":\"A-1\"," +
	"\"count\":2,\"price\":1999,\"tags\":[\"shoe\",\"red\",\"sale\"]},{\"sku\":\"B-17\",\"count\":1,\"price\":450," +
	"\"tags\":[]},{\"sku\":\"C-204\",\"count\":12,\"price\":75,\"tags\":[\"sock\",\"wool\"]}]},\"customer\":{\"name\":\"Ada Example\"," +
	"\"city\":\"Zurich\",\"since\":2019,\"vip\":false,\"points\":[12,40,-7,388]}}"

func hash(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

//go:wasmexport headers
func headers(n uint32) uint64 {
	var sum uint64
	for round := range n {
		b := []byte(block)
		b[len(b)-3] = '0' + byte(round%10)
		rest := string(b)
		h := uint64(0xcbf29ce484222325)
		fields := map[string]string{}
		for rest != "" {
			var line string
			line, rest, _ = strings.Cut(rest, "\r\n")
			name, value, _ := strings.Cut(line, ": ")
			name = strings.ToLower(name)
			fields[name] = value
			h = hash(hash(h, name), value)
		}
		session := 0
		for _, pair := range strings.Split(fields["cookie"], "; ") {
			if name, value, _ := strings.Cut(pair, "="); name == "session" {
				session = len(value)
			}
		}
		sum = sum*31 + h + uint64(session+len(fields["host"])+len(fields["accept-language"])+int(fields["x-round"][0]))
	}
	return sum
}

// total adds up a JSON value: its integers, the lengths of its strings, one for each true.
func total(v any) (sum int64) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			sum += int64(len(name)) + total(member)
		}
	case []any:
		for _, item := range v {
			sum += total(item)
		}
	case string:
		sum = int64(len(v))
	case float64:
		sum = int64(v)
	case bool:
		if v {
			sum = 1
		}
	}
	return sum
}

//go:wasmexport json
func jsonWork(n uint32) uint64 {
	var sum uint64
	b := []byte(document)
	for round := range n {
		b[9] = '0' + byte(round%10)
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			panic(err)
		}
		sum = sum*31 + uint64(total(v))
	}
	return sum
}

//go:wasmexport loop
func loop(n uint32) uint64 {
	var x uint64
	for i := range n {
		x = x*6364136223846793005 + uint64(i)
	}
	return x
}

var (
	table [256]uint32
	data  [4096]byte
)

//go:wasmexport crc
func crc(n uint32) uint64 {
	if table[1] == 0 {
		for i := range table {
			c := uint32(i)
			for range 8 {
				c = c>>1 ^ 0xedb88320*(c&1)
			}
			table[i] = c
		}
	}
	for i := range data {
		data[i] = byte(i * 31)
	}
	var sum uint64
	for round := range n {
		c := ^round
		for _, b := range data {
			c = table[byte(c)^b] ^ c>>8
		}
		sum = sum*31 + uint64(c)
	}
	return sum
}

type node struct{ left, right *node }

func grown(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{grown(depth - 1), grown(depth - 1)}
}

func (t *node) count() uint64 {
	if t == nil {
		return 0
	}
	return 1 + t.left.count() + t.right.count()
}

//go:wasmexport alloc
func alloc(n uint32) uint64 {
	var sum uint64
	for range n {
		sum = sum*31 + grown(8).count()
	}
	return sum
}

var pages [32 * 4096]byte

//go:wasmexport touch
func touch(n uint32) uint64 {
	for i := range min(n, 32) {
		pages[i*4096+17]++
	}
	return uint64(n)
}

//go:wasmexport empty
func empty(n uint32) uint64 { return uint64(n) }

func main() {}
