package cache

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

type world struct {
	t     testing.TB
	c     *Cache
	r     *Rules
	fetch func(fx *exchange.Exchange) // the origin: fills fx.Response
	asked atomic.Int64                // requests that reached it
}

func newWorld(t testing.TB, o Options) *world {
	if o.Memory == 0 {
		o.Memory = 16 << 20
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, c: c, r: &Rules{Owner: "o", Site: "s", Collapse: true}}
}

func get(what string, fields ...string) *exchange.Exchange {
	x := exchange.New()
	x.Now = time.Now()
	method, path, ok := strings.Cut(what, " ")
	if !ok {
		method, path = "GET", what
	}
	x.Request.Method, x.Request.Scheme, x.Request.Host = method, "https", "a.example"
	x.Request.Path, x.Request.Query, x.Request.HasQuery = strings.Cut(path, "?")
	add(&x.Request.Header, fields)
	return x
}

func add(h *exchange.Header, fields []string) {
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		h.Add(name, value)
	}
}

func (w *world) answers(status int, body string, fields ...string) {
	w.fetch = func(fx *exchange.Exchange) { respond(fx, status, body, fields...) }
}

func respond(fx *exchange.Exchange, status int, body string, fields ...string) {
	fx.Response.Status = status
	add(&fx.Response.Header, fields)
	fx.Response.Body, fx.Response.ContentLength = exchange.NewBytesBody([]byte(body)), int64(len(body))
}

func (w *world) lead(fx *exchange.Exchange, l *Filling, f Found, asked *exchange.Header) error {
	f.Validators(&fx.Request.Header)
	w.asked.Add(1)
	w.fetch(fx)
	if fx.Response.Status == 304 && !w.c.Merge(&f, fx, w.r) {
		fx.Response.Drop()
		f = Found{}
		f.Validators(&fx.Request.Header)
		w.asked.Add(1)
		w.fetch(fx)
	} else if fx.Response.Body == nil {
		v := w.c.Judge(fx, asked, w.r)
		return l.Refresh(&f, fx, asked, v)
	}
	defer func() { fx.Response.Body.Close() }()
	v := w.c.Judge(fx, asked, w.r)
	if !v.Store {
		l.Release(v.Reason)
		return &exchange.Error{Op: "judge", Reason: v.Reason}
	}
	return l.Store(fx, asked, v)
}

func (w *world) serve(x *exchange.Exchange) (how string) {
	f := w.c.Lookup(x, w.r)
	switch f.State {
	case Fresh:
		f.Serve(x)
		return "fresh"
	case Bypass:
		w.alone(x)
		return "pass " + f.Reason.String()
	}
	t := w.c.Join(x, w.r, &f)
	defer f.Close()
	for {
		if t.Leads() {
			fx := x.ForFetch()
			l, ff := t.Filling(), f.ForFetch()
			asked := new(exchange.Header)
			asked.CopyFrom(&fx.Request.Header)
			go func() {
				defer l.Abandon()
				w.lead(fx, l, ff, asked)
			}()
		}
		switch d := t.Wait(nil, time.Minute); d {
		case Turn:
			continue
		case Shared:
			t.Serve(x, &f)
			if t.Leads() {
				return "fetched"
			}
			return "shared"
		case Released:
			w.alone(x)
			return "released"
		default:
			return d.String()
		}
	}
}

func (w *world) alone(x *exchange.Exchange) {
	fx := x.ForFetch()
	w.asked.Add(1)
	w.fetch(fx)
	x.Response.Status, x.Response.Body, x.Response.ContentLength = fx.Response.Status, fx.Response.Body, fx.Response.ContentLength
	x.Response.Header.CopyFrom(&fx.Response.Header)
}

func body(x *exchange.Exchange) (string, error) {
	if x.Response.Body == nil {
		return "", nil
	}
	var b bytes.Buffer
	_, err := x.Response.Body.WriteTo(&b)
	x.Response.Body.Close()
	return b.String(), err
}

func (w *world) wantServe(what, how, want string, fields ...string) *exchange.Exchange {
	w.t.Helper()
	x := get(what, fields...)
	gotHow := w.serve(x)
	got, err := body(x)
	if gotHow != how || got != want || err != nil {
		w.t.Errorf("%s %v: %s, %q, error %v; want %s, %q", what, fields, gotHow, got, err, how, want)
	}
	return x
}

func (w *world) wantLookup(what string, state State, why exchange.Reason, fields ...string) {
	w.t.Helper()
	f := w.c.Lookup(get(what, fields...), w.r)
	defer f.Close()
	if f.State != state || f.Reason != why {
		w.t.Errorf("%s %v: %v because of %q, want %v, %q", what, fields, f.State, f.Reason, state, why)
	}
}

func (w *world) purge(p PurgeRequest) {
	w.t.Helper()
	if p.Owner == "" {
		p.Owner = "o"
	}
	if _, err := w.c.Purge(p); err != nil {
		w.t.Error(err)
	}
}
