package admin

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzRequest sends what nobody would. Whatever it is, the answer is one of
// the API: JSON of the one shape if it is a failure, and never the node's fault.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/v1/functions/auth", "owner=default", "", false)
	f.Add("PUT", "/v1/functions/%2e%2e", "activate=false&message=x", "\x00asm", false)
	f.Add("POST", "/v1/purge", "", `{"tag":"x","soft":true}`, true)
	f.Add("POST", "/v1/kv/s/add", "key=%ff", `{"delta":1e3,"ttl":"1s"}`, true)
	f.Add("PUT", "/v1/kv/s/value", "key=a&ttl=1s", "x", false)
	f.Add("POST", "/v1/functions/auth/activate", "", `{"version":"\ud800"}`, true)
	f.Add("PUT", "/v1/config", "dry_run=true", "drain: 1s", false)
	f.Add("POST", "/v1/kv/s/import", "", `{"key":"a"}`, false)
	st := start(f, nil)
	f.Fuzz(func(t *testing.T, method, path, query, body string, isJSON bool) {
		if method == "" || !strings.HasPrefix(path, "/") || len(body) > 1<<16 {
			return
		}
		u := &url.URL{Path: path, RawQuery: query}
		if p, err := url.PathUnescape(path); err == nil {
			u.Path, u.RawPath = p, path
		}
		r := request(operatorSecret, "GET", "/", body)
		r.Method, r.URL = method, u
		if isJSON {
			r.Header.Set("Content-Type", mediaJSON)
		}
		w := st.do(r)
		media := w.Header().Get("Content-Type")
		switch {
		case w.Code == http.StatusInternalServerError && !strings.Contains(path, "broken"):
			t.Errorf("the node's fault: %s", w.Body)
		case w.Code >= 400:
			checkFailure(t, w.Code, w.Header(), w.Body.Bytes())
		case media == mediaJSON && !json.Valid(w.Body.Bytes()):
			t.Errorf("not JSON: %q", w.Body)
		}
		if len(st.bugs) > 0 {
			t.Fatalf("bugs: %q", st.bugs)
		}
		st.served = st.served[:0]
	})
}

// FuzzObject: what decode takes, encoding/json takes in the same sense, and
// writing it down and reading it again gives the same.
func FuzzObject(f *testing.F) {
	f.Add(`{"url":"http://a/"}`)
	f.Add(`{"tag":"a","soft":true}`)
	f.Add(`{"Tag":"a"}`)
	f.Add(`{"tag":"a","tag":"b"}`)
	f.Add(`{"tag":null}`)
	f.Add(`[{}]`)
	f.Add(`{} {}`)
	st := start(f, nil)
	post := operations()[0]
	for _, o := range operations() {
		if o.id == "cache.purge" {
			post = o
		}
	}
	read := func(body string) (PurgeRequest, error) {
		r := request("", "POST", "/v1/purge", body, asJSON)
		return decode[PurgeRequest](&call{s: st.Server, w: &tally{}, r: r, o: &post})
	}
	f.Fuzz(func(t *testing.T, body string) {
		p, err := read(body)
		var fields map[string]json.RawMessage
		plain := json.Unmarshal([]byte(body), &fields)
		if err != nil {
			return
		}
		if plain != nil {
			t.Fatalf("%q is taken, and is not an object: %v", body, plain)
		}
		for name := range fields {
			if !strings.Contains(" url prefix tag all soft ", " "+name+" ") {
				t.Fatalf("%q: field %q is taken", body, name)
			}
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := read(string(b))
		if err != nil || again != p {
			t.Fatalf("%q is %+v, again %+v, %v", body, p, again, err)
		}
	})
}

// FuzzHost: whatever is accepted on loopback names loopback for a browser too.
func FuzzHost(f *testing.F) {
	for _, s := range []string{"localhost:1", "[::1]:1", "127.0.0.1", "localhost.evil.example", "a.localhost.", "127.0.0.1.", "[::ffff:127.0.0.1]", "::1", "127.0.0.0]", "[127.0.0.1"} {
		f.Add(s)
	}
	st := start(f, nil)
	f.Fuzz(func(t *testing.T, host string) {
		if !st.knownHost(host) {
			return
		}
		u, err := url.Parse("http://" + host + "/")
		if err != nil || u.Host != host {
			return // no page has such an address
		}
		h := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
		h, _, _ = strings.Cut(h, "%")
		if ip := net.ParseIP(h); ip == nil && h != "localhost" && !strings.HasSuffix(h, ".localhost") || ip != nil && !ip.IsLoopback() {
			t.Errorf("%q is taken for loopback", host)
		}
	})
}
