// Command probe does everything that the SDK can do, at every hook, permitted or not, and logs what came of it. Its test runs it twice, natively on
// wedgetest and as wasm on the node's own host functions, and compares the two: each is the other's oracle. No node uses it.
package main

import (
	"io"
	"strconv"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 {
	return wedge.OnRequest(func(h *wedge.RequestHook) error { return probe("on_request", h.Respond) })
}

//go:wasmexport on_fetch
func onFetch() int32 {
	return wedge.OnFetch(func(h *wedge.FetchHook) error { return probe("on_fetch", h.Respond) })
}

//go:wasmexport on_fetched
func onFetched() int32 {
	return wedge.OnFetched(func(*wedge.FetchedHook) error { return probe("on_fetched", nil) })
}

//go:wasmexport on_error
func onError() int32 {
	return wedge.OnError(func(h *wedge.ErrorHook) error {
		note("failure", h.Failure(), nil)
		return probe("on_error", h.Respond)
	})
}

//go:wasmexport on_response
func onResponse() int32 {
	return wedge.OnResponse(func(*wedge.ResponseHook) error { return probe("on_response", nil) })
}

func main() {} // never runs

func note(what, value string, err error) {
	if err != nil {
		value += " error: " + err.Error()
	}
	wedge.Log(wedge.LevelInfo, what+": "+value)
}

func try(what string, err error) { note(what, "done", err) }

func number(n int64) string { return strconv.FormatInt(n, 10) }

func answer(text string, ok bool) string {
	if !ok {
		return "absent"
	}
	return strconv.Quote(text)
}

// probe runs at each hook, before and after a response was made, if the hook can make one.
func probe(hook string, respond func(int, string) (wedge.Response, error)) error {
	note("hook", hook, nil)
	mode, _ := wedge.Config("mode")
	if mode == "stream" {
		return new(wedge.FetchedHook).Stream(upper)
	}
	messages()
	decisions()
	facts()
	if mode == "stores" {
		stores()
		fetches()
		cryptography()
	}
	if respond == nil {
		return end(mode)
	}
	_, err := respond(204, "body")
	try("respond 204 with a body", err)
	_, err = respond(99, "")
	try("respond 99", err)
	r, err := respond(403, "no")
	try("respond", err)
	try("append", r.Body.Append([]byte(" way")))
	try("set on answer", r.Header.Set("X-Answer", "1"))
	messages()
	decisions()
	return end(mode)
}

func end(mode string) error {
	if mode == "fail" {
		return wedge.ErrAbsent
	}
	return nil
}

func upper(r io.Reader, w io.Writer) error {
	buf := make([]byte, 5)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := io.WriteString(w, strings.ToUpper(string(buf[:n]))); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if n > 0 && buf[0] == '!' {
			return wedge.ErrIO
		}
	}
}

func messages() {
	// Calling one hook's door within another hook gives what that hook must not do: the node answers as for any forbidden call.
	wedge.OnRequest(func(h *wedge.RequestHook) error {
		r := h.Request
		note("request", strings.Join([]string{r.Method(), r.Scheme(), r.Host(), r.Path(), r.Query(), r.URI(), r.Protocol()}, " "), nil)
		header("request", r.Header)
		body("request", r.Body)
		try("method", r.SetMethod("PUT"))
		try("method CONNECT", r.SetMethod("CONNECT"))
		try("method x y", r.SetMethod("x y"))
		for _, host := range []string{"Other.Example:443", "a b", "", "[::1]:8080", "[::g]", "x:99999999", "user@x", "a_b.example", "x:"} {
			try("host "+host, r.SetHost(host))
			note("host", r.Host(), nil)
		}
		for _, path := range []string{"/a/%62%2f", "a", "", "/../x", "/a/./b", "/%2e%2E/", `/a\b`, "/a%5cb", "/a%00", "/a%4", "/é", "/a b", "/a?b", "/" + strings.Repeat("x", 9000)} {
			try("path "+path[:min(len(path), 20)], r.SetPath(path))
			note("path", r.URI(), nil)
		}
		for _, q := range []string{"a=%7e&b=%2F", "a#b", "", "a b", "a=%zz"} {
			try("query "+q, r.SetQuery(q))
			note("query", r.URI(), nil)
		}
		try("uri", r.SetURI("/x?"))
		note("uri", r.URI(), nil)
		try("uri", r.SetURI("/x?y=1"))
		note("cookie", answer(r.Cookie("b")), nil)
		note("cookie", answer(r.Cookie("none")), nil)
		return nil
	})
	wedge.OnResponse(func(h *wedge.ResponseHook) error {
		r := h.Response
		note("status", number(int64(r.Status())), nil)
		header("response", r.Header)
		body("response", r.Body)
		for _, code := range []int{204, 304, 199, 600, 418} {
			try("status "+number(int64(code)), r.SetStatus(code))
		}
		return nil
	})
}

func header(of string, h wedge.Header) {
	for name, value := range h.All() {
		if len(value) > 100 {
			value = number(int64(len(value))) + " bytes"
		}
		note(of+" field", name+"="+value, nil)
	}
	v, ok := h.Lookup("cookie")
	note(of+" lookup", answer(v, ok), nil)
	v, ok = h.Lookup("authorization")
	note(of+" lookup", answer(v, ok), nil)
	note(of+" long", number(int64(len(h.Value("X-LONG")))), nil)
	for v := range h.Values("x-two") {
		note(of+" values", v, nil)
	}
	note(of+" count", number(int64(h.Count("X-Two")))+strconv.FormatBool(h.Has("X-None")), nil)
	for _, name := range []string{"X-Set", "x-two", "a b", "", "Connection", "Content-Length", "Age", "Date", "host", "CDN-Loop", "TE", "Cookie", "Authorization", "ETag"} {
		try(of+" set "+name, h.Set(name, "v"))
	}
	for _, value := range []string{"", " a", "a ", "a\r\nb", "a\x00", "a\tb", "é", "\x7f"} {
		try(of+" add "+strconv.Quote(value), h.Add("X-Add", value))
	}
	try(of+" add large", h.Add("X-Large", strings.Repeat("x", 70000)))
	for _, name := range []string{"X-Two", "X-None", "Transfer-Encoding", "a b", "Cookie"} {
		try(of+" remove "+name, h.Remove(name))
	}
	for name, value := range h.All() {
		note(of+" now", name+"="+number(int64(len(value))), nil)
	}
}

func body(of string, b wedge.Body) {
	buf := make([]byte, 3)
	n, err := b.Peek(buf)
	note(of+" peek", string(buf[:n]), err)
	content, err := b.Bytes()
	note(of+" body", string(content), err)
	try(of+" append first", b.Append([]byte("x")))
	try(of+" set", b.SetString("new"))
	try(of+" append", b.Append([]byte("er")))
	content, err = b.Bytes()
	note(of+" body", string(content), err)
	try(of+" set large", b.Set(make([]byte, 5000)))
}

func decisions() {
	var k wedge.Key
	try("key add", k.Add("n", "v"))
	try("key add nothing", k.Add("", "v"))
	try("key set", k.Set("k"))
	try("key ignore", k.Ignore("utm_*"))
	try("key ignore nothing", k.Ignore(""))
	try("key sort", k.SortQuery())
	try("key lower", k.LowerCase())
	try("key ignore query", k.IgnoreQuery())
	h := new(wedge.RequestHook)
	try("bypass", h.Bypass())
	try("revalidate", h.Revalidate())
	try("origin", h.SetOrigin("other"))
	try("origin nothing", h.SetOrigin(""))
	var keep wedge.Keep
	try("ttl", keep.SetTTL(1500*wedge.Millisecond))
	try("ttl below zero", keep.SetTTL(-wedge.Second))
	try("grace", keep.SetGrace(wedge.Day))
	try("tag", keep.AddTag("a"))
	try("tag a,b", keep.AddTag("a,b"))
	try("tag long", keep.AddTag(strings.Repeat("t", 257)))
	try("no store", keep.NoStore())
}

func facts() {
	for f := wedge.Address; f <= wedge.Network+1; f++ {
		v, ok := wedge.Client(f)
		note("fact "+number(int64(f)), answer(v, ok), nil)
	}
	note("id", number(int64(len(wedge.ID()))), nil)
	note("now", number(wedge.Now().Unix()), nil)
	note("outcome", wedge.Outcome(), nil)
	note("key", wedge.CacheKey(), nil)
	v, ok := wedge.Var("v")
	note("var", answer(v, ok), nil)
	try("set var", wedge.SetVar("v", "1"))
	try("set var", wedge.SetVar("w", strings.Repeat("x", 4000)))
	try("set var too long", wedge.SetVar("x", strings.Repeat("x", 100)))
	try("set var nothing", wedge.SetVar("", "x"))
	v, ok = wedge.Var("v")
	note("var", answer(v, ok), nil)
	try("remove var", wedge.RemoveVar("v"))
	try("remove var", wedge.RemoveVar("none"))
	for name, value := range wedge.Settings() {
		note("setting "+name, value, nil)
	}
	v, ok = wedge.Config("none")
	note("config", answer(v, ok), nil)
	secret, ok := wedge.Secret("key")
	note("secret", answer(string(secret), ok), nil)
	_, ok = wedge.Secret("none")
	note("secret", strconv.FormatBool(ok), nil)
	try("count", wedge.Count("probes", 2))
	try("count Probes", wedge.Count("Probes", 1))
	try("count down", wedge.Count("probes", -1))
	try("observe", wedge.Observe("size", 1.5))
	zero := 0.0
	try("observe infinity", wedge.Observe("size", 1/zero))
	outer := wedge.StartSpan("outer")
	inner := wedge.StartSpan("inner")
	inner.Set("k", "v")
	inner.End()
	inner.End()
	outer.Set("", "v")
	wedge.StartSpan("") // no span
	wedge.Log(wedge.LevelWarn, "fields", "a", "1", "b")
}
