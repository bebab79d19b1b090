package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// handlers returns a JavaScript program that answers hello, under each isolation: one that was put back for each request, and
// one that takes one request after another. Requests are what a client sends that is a browser. No cells and no error are
// that JavaScript cannot be built here.
func handlers(js string, turns *sandbox.Turns, w io.Writer) (isolated, reused *cell, err error) {
	dir, err := cacheDir("handlers")
	if err != nil {
		return nil, nil, err
	}
	e, err := engine.New(engine.Options{Host: guest.HostFuncs(), CacheDir: dir})
	if err != nil {
		return nil, nil, err
	}
	host := guest.New(guest.Options{Engine: e, Turns: turns})
	handler := func(script string, isolation sandbox.Isolation) (*cell, error) {
		module, err := javaScript(js, script)
		if err != nil {
			return nil, err
		}
		f, err := host.Load(context.Background(), module, guest.Spec{Name: "hello", Limits: limits, Isolation: &isolation})
		if err != nil {
			return nil, err
		}
		var body bytes.Buffer
		return &cell{name: "JavaScript handler", long: true, do: func() error {
			x := exchange.New()
			defer x.Release()
			x.Now = time.Now()
			q := &x.Request
			q.Method, q.Scheme, q.Host, q.Path, q.Proto = "GET", "https", "shop.example", "/", exchange.HTTP11
			for _, f := range [][2]string{{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}, {"Accept", "text/html,*/*;q=0.8"},
				{"Accept-Language", "en-US,en;q=0.5"}, {"Accept-Encoding", "gzip, deflate, br, zstd"}, {"Cookie", "visit=1"}} {
				q.Header.Add(f[0], f[1])
			}
			if err := f.Answer(x, time.Time{}); err != nil {
				return err
			}
			body.Reset()
			_, err := x.Response.Body.WriteTo(&body)
			if closed := x.Response.Body.Close(); err == nil {
				err = closed
			}
			if err == nil && (x.Response.Status != 200 || body.String() != "hello\n") {
				err = fmt.Errorf("the program answered %d %q", x.Response.Status, body.String())
			}
			return err
		}}, nil
	}
	if isolated, err = handler("hello.js", sandbox.PerExchange); err != nil {
		fmt.Fprintf(w, "JavaScript handlers are left out: %v\n", err)
		return nil, nil, nil
	}
	reused, err = handler("again.js", sandbox.PerInstance)
	return isolated, reused, err
}
