package main

import (
	"encoding/base64"
	"io"
	"strconv"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

const store wedge.KV = "store"

func entry(e wedge.Entry) string {
	return strconv.Quote(string(e.Value)) + " " + strconv.Quote(string(e.Metadata)) + " expires " + number(int64(e.Expires))
}

func stores() {
	_, err := wedge.KV("unlisted").Value("a")
	try("unlisted store", err)
	_, err = store.Value("none")
	try("kv none", err)
	_, err = store.Value("")
	try("kv empty key", err)
	v1, err := store.Put("a", []byte("1"), wedge.PutOptions{Metadata: []byte("m"), TTL: wedge.Hour})
	note("kv put", strconv.FormatBool(v1 != 0), err)
	e, err := store.Get("a")
	note("kv get", entry(e)+strconv.FormatBool(e.Version == v1), err)
	v, err := store.Put("a", nil, wedge.PutOptions{IfAbsent: true})
	note("kv put if absent", strconv.FormatBool(v == v1), err)
	v, err = store.Put("a", nil, wedge.PutOptions{IfVersion: v1 + 1})
	note("kv put if another version", strconv.FormatBool(v == v1), err)
	v, err = store.Put("b", nil, wedge.PutOptions{IfVersion: 1})
	note("kv put if version of nothing", number(int64(v)), err)
	v, err = store.Put("a", []byte("2"), wedge.PutOptions{IfVersion: v1})
	note("kv put if version", strconv.FormatBool(v > v1), err)
	_, err = store.Put("a", nil, wedge.PutOptions{IfVersion: v1, IfAbsent: true})
	try("kv put if both", err)
	_, err = store.Put("a", nil, wedge.PutOptions{TTL: -1 * wedge.Second})
	try("kv put with a life below zero", err)
	_, err = store.Put("long", make([]byte, 3000), wedge.PutOptions{})
	try("kv put long", err)
	text, err := store.Value("long")
	note("kv long", number(int64(len(text))), err)
	e, err = store.Get("long")
	note("kv long", number(int64(len(e.Value))), err)
	sum, err := store.Add("n", 5, 0)
	note("kv add", number(sum), err)
	sum, err = store.Add("n", -7, 0)
	note("kv add", number(sum), err)
	_, err = store.Add("long", 1, 0)
	try("kv add to text", err)
	_, err = store.Add("n", -1<<63, 0)
	try("kv add too much", err)
	for i := range 250 {
		if _, err := store.Put("list/"+strconv.Itoa(1000+i), nil, wedge.PutOptions{Metadata: []byte("meta")}); err != nil {
			try("kv put", err)
		}
	}
	n := 0
	for l, err := range store.All("list/") {
		if n++; n%100 == 1 || err != nil {
			note("kv all", l.Key+string(l.Metadata)+number(int64(l.Expires)), err)
		}
	}
	note("kv all", number(int64(n)), nil)
	p, err := store.List("list/", "", 2)
	note("kv list", number(int64(len(p.Entries)))+p.Entries[1].Key+strconv.FormatBool(p.Next != ""), err)
	_, err = store.List("", "", 0)
	try("kv list of none", err)
	_, err = store.List("", "", 1001)
	try("kv list of too many", err)
	try("kv delete another version", store.DeleteVersion("a", v1))
	try("kv delete version 0", store.DeleteVersion("a", 0))
	try("kv delete", store.Delete("a"))
	try("kv delete again", store.Delete("a"))

	_, err = wedge.CacheGet("k")
	try("cache get", err)
	try("cache put", wedge.CachePut("k", []byte("value"), wedge.Minute, "t1", "t2"))
	try("cache put for no time", wedge.CachePut("k", nil, 0))
	try("cache put bad tag", wedge.CachePut("k", nil, wedge.Minute, "a,b"))
	b, err := wedge.CacheGet("k")
	note("cache get", string(b), err)
	count, err := wedge.PurgeTag("t2", false)
	note("purge", number(int64(count)), err)
	_, err = wedge.PurgeTag("a b", true)
	try("purge bad tag", err)
	try("cache delete", wedge.CacheDelete("k"))

	c := wedge.Counter{Key: "c", Window: wedge.Minute}
	for range 2 {
		sum, err := c.Add(3)
		note("counter", number(sum), err)
	}
	sum, err = c.Read()
	note("counter", number(sum), err)
	_, err = wedge.Counter{Key: "c", Window: wedge.Millisecond}.Read()
	try("counter of a short window", err)
	_, err = wedge.Counter{Window: wedge.Minute}.Read()
	try("counter without a key", err)
	try("penalise", wedge.Penalise("p", wedge.Minute))
	d, err := wedge.Penalty("p")
	note("penalty", number(int64(d)), err)
	try("penalise no more", wedge.Penalise("p", 0))
	d, err = wedge.Penalty("p")
	note("penalty", number(int64(d)), err)
}

func fetches() {
	for _, r := range []*wedge.FetchRequest{
		{Origin: "unlisted", Target: "/"},
		{Origin: "api", Target: "no-path"},
		{Origin: "api", Target: "/", Method: "TRACE"},
		{Target: "https://evil.example/"},
		{Target: "ftp://id.example/"},
		{Target: "https://u@id.example/"},
		{Target: "https://id.example.evil/"},
		{Target: "https://id.example/a b"},
		{Target: "https://id.example/#x"},
		{Origin: "api", Target: "/", Fields: []string{"Host", "x"}},
		{Origin: "api", Target: "/", Fields: []string{"X", "a\nb"}},
		{Origin: "api", Target: "/", Fields: []string{"X"}},
		{Origin: "api", Target: "/", Body: make([]byte, 5000)},
		{Origin: "api", Target: "/", Timeout: -wedge.Second},
		{Origin: "api", Target: "/fail"},
		{Origin: "api", Target: "/late"},
		{Origin: "api", Target: "/cut"},
		{Origin: "api", Target: "/ok?x", Method: "POST", Body: []byte("ping"), Fields: []string{"X-A", "1", "X-A", "2"}, UseCache: true, Timeout: wedge.Second},
		{Target: "HTTPS://ID.example:443/ok"},
	} {
		resp, err := wedge.Fetch(r)
		if err != nil {
			try("fetch", err)
			continue
		}
		for name, value := range resp.Fields() {
			note("fetched "+name, value, nil)
		}
		_, ok := resp.Lookup("x-none")
		b, err := resp.Body(100)
		note("fetched "+number(int64(resp.Status))+" "+resp.Value("x-echo")+strconv.FormatBool(ok), string(b), err)
		n, err := resp.Read(make([]byte, 1))
		note("fetched more", number(int64(n))+strconv.FormatBool(err == io.EOF), nil)
		try("fetch close", resp.Close())
		try("fetch close again", resp.Close())
	}
	a, err := wedge.Send(&wedge.FetchRequest{Origin: "api", Target: "/ok?1"})
	try("send", err)
	b, err := wedge.Send(&wedge.FetchRequest{Origin: "api", Target: "/ok?2"})
	try("send", err)
	for _, p := range []*wedge.Pending{b, a} {
		resp, err := p.Response()
		if try("response", err); err != nil {
			continue
		}
		text, err := resp.Body(3)
		note("body", string(text), err)
	}
}

func cryptography() {
	data := []byte("data")
	for _, h := range []wedge.Hash{wedge.SHA256, wedge.SHA512, 7} {
		d, err := h.Sum(data)
		note("hash", base64.StdEncoding.EncodeToString(d), err)
		d, err = h.HMAC([]byte("key"), data)
		note("hmac", base64.StdEncoding.EncodeToString(d), err)
		d, err = h.HMACSecret("key", data)
		note("hmac of secret", base64.StdEncoding.EncodeToString(d), err)
	}
	_, err := wedge.SHA256.HMACSecret("none", data)
	try("hmac of no secret", err)
	note("equal", strconv.FormatBool(wedge.Equal(data, []byte("data")))+strconv.FormatBool(wedge.Equal(data, []byte("date")))+strconv.FormatBool(wedge.Equal(data, nil)), nil)
	for kind := wedge.Ed25519; kind <= wedge.ECDSAP384SHA384+1; kind++ {
		for name, value := range wedge.Settings() {
			if len(name) > 4 && name[:4] == "key " {
				key, _ := base64.StdEncoding.DecodeString(value)
				signature, _ := wedge.Config("sig " + name[4:])
				sig, _ := base64.StdEncoding.DecodeString(signature)
				ok, err := kind.Verify(key, data, sig)
				note("verify "+number(int64(kind))+" "+name, strconv.FormatBool(ok), err)
				ok, err = kind.Verify(key, []byte("other"), sig)
				note("verify other", strconv.FormatBool(ok), err)
			}
		}
		ok, err := kind.Verify([]byte("no key"), data, data)
		note("verify", strconv.FormatBool(ok), err)
	}
	a, b := make([]byte, 70000), make([]byte, 70000)
	try("random", wedge.Random(a))
	try("random", wedge.Random(b))
	note("random", strconv.FormatBool(string(a) == string(b)), nil)
}
