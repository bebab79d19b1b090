package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

// settings are the binding's: the mode, some public keys, and signatures of "data" by them.
func settings(t *testing.T, mode string) map[string]string {
	s := map[string]string{"mode": mode, "long": strings.Repeat("x", 3000)}
	put := func(name string, key, sig []byte) {
		s["key "+name], s["sig "+name] = base64.StdEncoding.EncodeToString(key), base64.StdEncoding.EncodeToString(sig)
	}
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	data := []byte("data")
	sum := sha256.Sum256(data)
	ed := ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", 32)))
	put("ed", ed.Public().(ed25519.PublicKey), ed25519.Sign(ed, data))
	der := must(x509.MarshalPKIXPublicKey(ed.Public()))
	put("ed-der", der, ed25519.Sign(ed, data))
	put("ed-pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), ed25519.Sign(ed, data))
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der = must(x509.MarshalPKIXPublicKey(ec.Public()))
	put("ec", der, must(ecdsa.SignASN1(rand.Reader, ec, sum[:])))
	r, v, err := ecdsa.Sign(rand.Reader, ec, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	put("ec-jwt", der, append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...))
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	put("rsa", must(x509.MarshalPKIXPublicKey(rs.Public())), must(rsa.SignPKCS1v15(rand.Reader, rs, crypto.SHA256, sum[:])))
	return s
}

var requestHeader = [][2]string{
	{"Cookie", "a=1; b=2"}, {"Authorization", "secret"}, {"X-Two", "one"}, {"x-two", "two"}, {"X-Long", strings.Repeat("l", 5000)}, {"User-Agent", "probe"},
}

var responseHeader = [][2]string{{"ETag", `"v1"`}, {"Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"}, {"Content-Digest", "x"}, {"X-Two", "1"}}

const maxBody = 4000

// hooks are the five, in the order of exchange.Hook.
var hooks = []struct {
	hook   exchange.Hook
	fetch  bool // on the origin's side
	before bool // there is a response
	native func(*wedgetest.Exchange) wedgetest.Result
}{
	{exchange.OnRequest, false, false, func(x *wedgetest.Exchange) wedgetest.Result { return x.OnRequest(onRequest) }},
	{exchange.OnFetch, true, false, func(x *wedgetest.Exchange) wedgetest.Result { return x.OnFetch(onFetch) }},
	{exchange.OnFetched, true, true, func(x *wedgetest.Exchange) wedgetest.Result { return x.OnFetched(onFetched) }},
	{exchange.OnError, true, false, func(x *wedgetest.Exchange) wedgetest.Result { return x.OnError(onError) }},
	{exchange.OnResponse, false, true, func(x *wedgetest.Exchange) wedgetest.Result { return x.OnResponse(onResponse) }},
}

// TestSame runs the probe on the fake and on the node's host functions: everything it noted, and everything it left behind, is the same.
func TestSame(t *testing.T) {
	module := built.Module(t)
	e, err := engine.New(engine.Options{Host: guest.HostFuncs()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, mode := range []string{"plain", "stores", "fail", "stream"} {
		set := settings(t, mode)
		n := new(node)
		f, err := guest.New(guest.Options{Engine: e, Services: n.services()}).Load(context.Background(), module, guest.Spec{
			Owner: "acme", Name: "probe", Version: "00000000", Config: set, Secrets: map[string]guest.Secret{"key": guest.Secret("the secret")},
			Fetch: []string{"api", "https://id.example"}, KV: []string{"store"}, MaxBody: maxBody,
			Limits: limit.Maximum(), // the machine that tests is slow at times, and how long it takes is not the question
		})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, h := range hooks {
			t.Run(mode+"/"+h.hook.String(), func(t *testing.T) {
				fake := onFake(t, set, h.native, h.fetch, h.before)
				host := onHost(t, f, n, h.hook, h.before)
				if len(fake) < 10 && mode != "stream" {
					t.Errorf("the probe noted nearly nothing: %q", fake)
				}
				t.Logf("%d lines", len(fake))
				for i := range max(len(fake), len(host)) {
					if i >= len(fake) || i >= len(host) || fake[i] != host[i] {
						t.Fatalf("line %d differs:\nfake: %.300s\nnode: %.300s\nbefore: %.300s", i, at(fake, i), at(host, i), at(fake, i-1))
					}
				}
			})
		}
	}
}

func at(lines []string, i int) string {
	if i < 0 || i >= len(lines) {
		return "(nothing)"
	}
	return lines[i]
}

func onFake(t *testing.T, set map[string]string, hook func(*wedgetest.Exchange) wedgetest.Result, fetch, before bool) []string {
	n := wedgetest.New(t)
	n.Config, n.Secrets, n.MaxBody = set, map[string]string{"key": "the secret"}, maxBody
	n.Store("store")
	ask := func(r *wedgetest.FetchRequest) *wedgetest.FetchResponse {
		var fields []string
		for _, f := range r.Header {
			fields = append(fields, f.Name+"="+f.Value)
		}
		status, header, content := serve(r.Method, r.Target, string(r.Body), fields)
		switch status {
		case 0:
			return nil
		case 1:
			return &wedgetest.FetchResponse{TimedOut: true}
		}
		resp := &wedgetest.FetchResponse{Status: status}
		resp.Body, resp.Cut = strings.CutSuffix(content, "…")
		for _, f := range header {
			resp.Header.Add(f[0], f[1])
		}
		return resp
	}
	n.Origin("api", ask)
	n.Host("https://id.example", ask)
	x := n.Exchange("GET", "https://shop.example/p?q=1")
	for _, f := range requestHeader {
		x.Request.Header.Add(f[0], f[1])
	}
	x.Request.Body = []byte("question")
	x.Vars["v"] = "0"
	if fetch {
		x = x.Fetch()
	}
	if before {
		x.Respond(200, "hello world")
		for _, f := range responseHeader {
			x.Response.Header.Add(f[0], f[1])
		}
	}
	x.Failure = "origin-timeout"
	result := hook(x)
	var lines []string
	for _, l := range n.Logs {
		lines = append(lines, l.String())
	}
	for _, s := range n.Spans {
		lines = append(lines, fmt.Sprint(s.Name, s.Number, s.Parent, len(s.Attributes)))
	}
	lines = append(lines, result.String(), fmt.Sprint("denied ", len(n.Denied)))
	lines = append(lines, x.Request.Method, x.Request.Host, x.Request.URI(), fmt.Sprint(x.Response.Status), string(x.Response.Body))
	for _, f := range x.Request.Header {
		lines = append(lines, f.Name+": "+f.Value)
	}
	for _, f := range x.Response.Header {
		lines = append(lines, f.Name+": "+f.Value)
	}
	for _, k := range slices.Sorted(maps.Keys(x.Vars)) {
		lines = append(lines, k+"="+x.Vars[k])
	}
	replace := "-"
	if x.Key.Replace != nil {
		replace = *x.Key.Replace
	}
	d := func(p *time.Duration) string {
		if p == nil {
			return "-"
		}
		return p.String()
	}
	return append(lines, fmt.Sprint(x.Key.Parts, replace, x.Key.Ignore, x.Key.IgnoreQuery, x.Key.SortQuery, x.Key.LowerCase, x.Bypass, x.Revalidate, x.Origin),
		fmt.Sprint(d(x.TTL), d(x.Grace), x.Tags, x.NoStore))
}

func onHost(t *testing.T, f *guest.Function, n *node, hook exchange.Hook, before bool) []string {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	*n = *newNode(now)
	denied := f.Stats().Denied
	x := exchange.New()
	x.Now = now
	x.Client.Addr, x.Client.Port = netip.MustParseAddr("192.0.2.1"), 49152
	r := &x.Request
	r.Method, r.Scheme, r.Host, r.Path, r.Query, r.HasQuery, r.Proto = "GET", "https", "shop.example", "/p", "q=1", true, exchange.HTTP11
	for _, f := range requestHeader {
		r.Header.Add(f[0], f[1])
	}
	r.Body, r.ContentLength = exchange.NewBytesBody([]byte("question")), 8
	x.Vars.Set("v", "0")
	x.Err = &exchange.Error{Reason: exchange.ReasonOriginTimeout}
	if before {
		x.Response.Status = 200
		x.Response.Body, x.Response.ContentLength = exchange.NewBytesBody([]byte("hello world")), 11
		for _, f := range responseHeader {
			x.Response.Header.Add(f[0], f[1])
		}
	}
	run, err := f.Start(x, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	answered, err := run.Call(hook)
	result := wedgetest.GoOn
	switch {
	case err != nil:
		result = wedgetest.Failed
	case answered:
		result = wedgetest.Answered
	}
	var body []byte
	if x.Response.Body != nil {
		b, err := io.ReadAll(x.Response.Body)
		if err != nil {
			result = wedgetest.Cut
		}
		body = b
		x.Response.Body.Close()
	}
	run.End()
	lines := append(n.lines, n.spans...)
	lines = append(lines, result.String(), fmt.Sprint("denied ", f.Stats().Denied-denied))
	lines = append(lines, r.Method, r.Host, r.URI(), fmt.Sprint(x.Response.Status), string(body))
	for f := range r.Header.All() {
		lines = append(lines, f.Name+": "+f.Value)
	}
	for f := range x.Response.Header.All() {
		lines = append(lines, f.Name+": "+f.Value)
	}
	for _, k := range []string{"v", "w", "x"} {
		if v, ok := x.Vars.Value(k); ok {
			lines = append(lines, k+"="+v)
		}
	}
	k := &x.Choices.Key
	replace := "-"
	if k.HasReplace {
		replace = k.Replace
	}
	d := func(d exchange.Duration) string {
		if !d.Set {
			return "-"
		}
		return d.Value.String()
	}
	var parts []wedgetest.Field
	for _, p := range k.Parts {
		parts = append(parts, wedgetest.Field{Name: p.Name, Value: p.Value})
	}
	c := &x.Choices
	return append(lines, fmt.Sprint(parts, replace, k.IgnoreQuery, k.IgnoreAllQuery, k.SortQuery, k.LowerCase, c.Bypass, c.Revalidate, c.Origin),
		fmt.Sprint(d(c.TTL), d(c.Grace), c.Tags, c.NoStore))
}
