package admin

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sample is a request for an operation that it should take.
func sample(o *operation, secret string, fields ...string) *http.Request {
	path := strings.NewReplacer("{name}", "auth", "{store}", "redirects").Replace(o.path)
	sep, body := "?", ""
	for _, p := range o.query {
		if p.required {
			path += sep + p.name + "=/old"
			sep = "&"
		}
	}
	switch o.id {
	case "function.deploy":
		body = "\x00asm\x01\x00\x00\x00"
	case "function.activate":
		body = `{"version":"cdcdcdcd"}`
	case "function.test":
		body = `{"version":"cdcdcdcd","cases":[{"name":"a.cases","text":"-- request --"}]}`
	case "cache.purge":
		body = `{"all":true}`
	case "record":
		body = `{}`
	case "cache.debug":
		body = `{}`
	case "cache.warm":
		body = `{"urls":["http://shop.example/a"]}`
	case "cache.push":
		path, body = strings.Replace(path, "/old", "http://shop.example/a", 1), "text"
	case "cache.show":
		body = `{"url":"http://shop.example/a"}`
	case "kv.add":
		path, body = strings.Replace(path, "/old", "n", 1), `{"delta":1}`
	case "kv.put":
		body = "value"
	case "kv.import":
		body = "{\"key\":\"a\",\"value\":\"b\"}\n"
	case "config.apply":
		body = "drain: 2s\n"
	}
	if o.in.of != nil {
		fields = append(fields, asJSON)
	}
	return request(secret, o.method, path, body, fields...)
}

// Each operation, with each token: only the scope that the table says opens it.
func TestScopes(t *testing.T) {
	opens := map[string][]Scope{
		operatorSecret: {ScopeAdmin, ScopeDeploy, ScopePurge, ScopeRead}, deploySecret: {ScopeDeploy}, purgeSecret: {ScopePurge}, readSecret: {ScopeRead}, "": nil, "wrong-0123456789abcdef": nil,
	}
	refusing := start(t, nil) // what is refused changes nothing, so one node will do
	for i, o := range operations() {
		for secret, scopes := range opens {
			want := 403
			for _, s := range scopes {
				if s == o.scope {
					want = 200
				}
			}
			if scopes == nil {
				want = 401
			}
			if o.scope == scopeOpen || o.id == "metrics" {
				want = 200
			}
			st := refusing
			if want == 200 && o.write {
				st = start(t, nil)
			}
			r := sample(&o, secret)
			r.RemoteAddr = fmt.Sprintf("10.0.0.%d:1", i)
			w := st.do(r)
			if w.Code != want {
				t.Errorf("%s with %q: %d, want %d: %s", o.id, secret, w.Code, want, w.Body)
			}
			challenge := w.Header().Get("WWW-Authenticate")
			switch {
			case want == 403 && (!strings.Contains(w.Body.String(), "the scope "+string(o.scope)) || !strings.Contains(challenge, fmt.Sprintf("scope=%q", string(o.scope)))):
				t.Errorf("%s with %q: the scope is not named: %s %s", o.id, secret, challenge, w.Body)
			case want == 401 && secret == "" && challenge != `Bearer realm="wedge"`:
				t.Errorf("%s without a token: challenge %q", o.id, challenge)
			case want == 401 && secret != "" && challenge != `Bearer realm="wedge", error="invalid_token"`:
				t.Errorf("%s with a wrong token: challenge %q", o.id, challenge)
			}
			if want >= 400 {
				checkFailure(t, w.Code, w.Header(), w.Body.Bytes())
			}
		}
	}
}

// A token of one owner reaches nothing of another.
func TestOwners(t *testing.T) {
	f := func(secret, method, target, body string, status int, want string) {
		t.Helper()
		w := start(t, nil).do(request(secret, method, target, body, asJSON))
		if w.Code != status || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s: %d, want %d with %s: %s", method, target, w.Code, status, want, w.Body)
		}
	}
	f(strangeSecret, "GET", "/v1/functions", "", 200, `"name":"ab"`)
	f(strangeSecret, "GET", "/v1/functions?owner=another", "", 200, `"name":"ab"`)
	f(strangeSecret, "GET", "/v1/functions?owner=default", "", 403, "token guest is one of owner another")
	f(strangeSecret, "GET", "/v1/functions?all=true", "", 403, "token guest is one of owner another")
	f(strangeSecret, "GET", "/v1/functions/auth", "", 404, `owner another has no function`)
	f(strangeSecret, "GET", "/v1/kv/redirects/value?key=/old", "", 404, `owner another has nothing in store`)
	f(strangeSecret, "GET", "/v1/kv/redirects/value?key=/old&owner=default", "", 403, "owner")
	f(strangeSecret, "DELETE", "/v1/kv/redirects", "", 200, `{"removed":0}`)
	f(strangeSecret, "POST", "/v1/purge", `{"all":true}`, 200, `"owner":"another"`)
	f(readSecret, "GET", "/v1/functions", "", 200, `"owner":"default"`)
}

func TestBearer(t *testing.T) {
	st := start(t, func(o *Options) { o.Now = time.Now })
	f := func(status int, fields ...string) {
		t.Helper()
		r := request("", "GET", "/v1/status", "", fields...)
		r.RemoteAddr = "192.0.2.1:1"
		if w := st.do(r); w.Code != status {
			t.Errorf("%q: %d, want %d: %s", fields, w.Code, status, w.Body)
		}
	}
	f(200, "Authorization: Bearer "+readSecret)
	f(200, "Authorization: bEARER  "+readSecret+" ")
	f(401, "Authorization: "+readSecret)
	f(401, "Authorization: Basic "+readSecret)
	f(401, "Authorization: Bearer")
	f(401, "Authorization: Bearer "+readSecret+" x")
	f(401, "Authorization: Bearer "+readSecret[1:])
	f(401, "Authorization: Bearer "+readSecret+"0")
	f(401, "Authorization: Bearer "+readSecret, "Authorization: Bearer "+readSecret)
	f(401)
}

func TestAttempts(t *testing.T) {
	now := began
	st := start(t, func(o *Options) { o.Now = func() time.Time { return now } })
	f := func(peer, secret string, status int) {
		t.Helper()
		r := request(secret, "GET", "/v1/status", "")
		r.RemoteAddr = peer
		if w := st.do(r); w.Code != status {
			t.Errorf("%s: %d, want %d: %s", peer, w.Code, status, w.Body)
		} else if status == 429 && w.Header().Get("Retry-After") != "10" {
			t.Errorf("%s: Retry-After %q", peer, w.Header().Get("Retry-After"))
		}
	}
	const wrong = "wrong-0123456789abcdef"
	for range freeAttempts {
		f("192.0.2.1:1", wrong, 401)
	}
	f("192.0.2.1:2", wrong, 429)
	f("192.0.2.1:3", readSecret, 429) // or guessing would go on at full speed
	f("192.0.2.2:1", readSecret, 200)
	if r := request("", "GET", "/healthz", ""); st.do(r).Code != 200 {
		t.Error("healthz needs no token")
	}
	now = now.Add(attemptEvery)
	f("192.0.2.1:1", readSecret, 200)
	f("192.0.2.1:1", wrong, 401)
	f("192.0.2.1:1", wrong, 429)
	now = now.Add(freeAttempts * attemptEvery)
	for range freeAttempts {
		f("192.0.2.1:1", wrong, 401)
	}
	f("192.0.2.1:1", wrong, 429)
	for range 100 {
		f("192.0.2.9:1", "", 401) // guesses nothing
	}
	f("192.0.2.9:1", readSecret, 200)
	for i := range freeAttempts {
		f(fmt.Sprintf("[2001:db8::%d]:1", i), wrong, 401)
	}
	f("[2001:db8::99]:1", wrong, 429)
	f("[2001:db8:0:1::]:1", wrong, 401)
	f("[::ffff:192.0.2.1]:1", wrong, 429)
	if n := strings.Count(strings.Join(st.refused, "\n"), "blocked"); n != 6 {
		t.Errorf("%d were told to be blocked: %q", n, st.refused)
	}
}

// However many addresses guess, they are remembered in bounded memory.
func TestAttemptsBounded(t *testing.T) {
	var a attempts
	for i := range 3 * maxPeers {
		a.failed(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), began.Add(time.Duration(i)))
	}
	if len(a.until) > maxPeers {
		t.Errorf("%d peers are remembered", len(a.until))
	}
	before := len(a.until)
	a.failed("10.250.9.9", began.Add(time.Hour))
	if len(a.until) > before-30 || a.blocked("10.250.9.9", began) == 0 {
		t.Errorf("%d peers are remembered, of %d who have paid", len(a.until), before)
	}
}

func TestBrowser(t *testing.T) {
	f := func(o Options, status int, fields ...string) {
		t.Helper()
		st := start(t, func(p *Options) { p.Loopback, p.Hosts = o.Loopback, o.Hosts })
		if w := st.do(request(readSecret, "GET", "/v1/status", "", fields...)); w.Code != status {
			t.Errorf("%+v %q: %d, want %d: %s", o.Hosts, fields, w.Code, status, w.Body)
		}
	}
	here, open, named := Options{Loopback: true}, Options{}, Options{Hosts: []string{"Node1.example"}}
	f(here, 200, "Host: 127.0.0.1:9070")
	f(here, 200, "Host: 127.9.9.9")
	f(here, 200, "Host: [::1]:9070")
	f(here, 200, "Host: [::1]")
	f(here, 200, "Host: LocalHost:9070")
	f(here, 200, "Host: localhost.:9070")
	f(here, 200, "Host: wedge.localhost")
	f(here, 403, "Host: evil.example")
	f(here, 403, "Host: evil.example:9070")
	f(here, 403, "Host: localhost.evil.example")
	f(here, 403, "Host: 192.0.2.1")
	f(here, 403, "Host: ")
	f(here, 403, "Host: 127.0.0.1.evil.example")
	f(Options{Loopback: true, Hosts: []string{"node1.example"}}, 200, "Host: node1.example:9070")
	f(open, 200, "Host: node1.example")
	f(open, 200, "Host: 192.0.2.1:9070")
	f(named, 200, "Host: node1.example:9070")
	f(named, 200, "Host: 192.0.2.1:9070")
	f(named, 403, "Host: evil.example")
	f(here, 200, "Origin: http://127.0.0.1:9070")
	f(here, 403, "Origin: http://127.0.0.1:9071")
	f(here, 403, "Origin: http://evil.example")
	f(here, 403, "Origin: null")
	f(here, 403, "Origin: ")
	f(here, 403, "Origin: http://127.0.0.1:9070", "Origin: http://127.0.0.1:9070")
	f(here, 403, "Origin: file://127.0.0.1:9070")
	f(open, 403, "Host: node1.example", "Origin: http://evil.example")
}

// Without a token the API is open on loopback, and nowhere else.
func TestNoTokens(t *testing.T) {
	st := start(t, func(o *Options) { o.Tokens = nil })
	if w := st.do(request("", "DELETE", "/v1/functions/auth", "")); w.Code != 200 {
		t.Errorf("on loopback: %d: %s", w.Code, w.Body)
	}
	if r := st.records(t); len(r) != 1 || r[0].Token != "loopback" {
		t.Errorf("audit %+v", r)
	}
	if err := st.SetTokens(someTokens); err != nil {
		t.Fatal(err)
	}
	if w := st.do(request("", "GET", "/v1/status", "")); w.Code != 401 {
		t.Errorf("once there are tokens: %d", w.Code)
	}
	if err := st.SetTokens(nil); err != nil {
		t.Error(err)
	}
	open := start(t, func(o *Options) { o.Loopback = false })
	if err := open.SetTokens(nil); err == nil || !strings.Contains(err.Error(), "admin.token_file") {
		t.Errorf("beyond loopback: %v", err)
	}
	if w := open.do(request("", "GET", "/v1/status", "")); w.Code != 401 {
		t.Errorf("a refused change changed something: %d", w.Code)
	}
	if w := open.do(request("", "GET", "/metrics", "")); w.Code != 401 {
		t.Errorf("metrics beyond loopback: %d", w.Code)
	}
	if w := open.do(request(readSecret, "GET", "/metrics", "")); w.Code != 200 {
		t.Errorf("metrics with read: %d", w.Code)
	}
}

func TestTokens(t *testing.T) {
	f := func(want string, list ...Token) {
		t.Helper()
		_, err := newTokens(list)
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("the secret is told: %v", err)
		}
	}
	f("", someTokens...)
	f("token a has 4 bytes", Token{Name: "a", Secret: "hush"})
	f("cannot be sent", Token{Name: "a", Secret: "hush hush hush hush hush"})
	f("tokens a and b are the same", Token{Name: "a", Secret: "hush-hush-hush-hush"}, Token{Name: "b", Secret: "hush-hush-hush-hush"})
}
