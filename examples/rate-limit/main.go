// Command rate-limit lets each client make so many requests in a window of time, and answers what is more at the edge. It is a function for the
// hooks on_request and on_response; its README says how it is configured.
package main

import (
	"errors"
	"strconv"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(limit) }

//go:wasmexport on_response
func onResponse() int32 { return wedge.OnResponse(tell) }

func main() {} // never runs

// left is the variable by which on_request tells on_response how many requests the client has left.
const left = "rate-limit-left"

func limit(h *wedge.RequestHook) error {
	c, err := settings()
	if err != nil {
		return err
	}
	who := c.client(h.Request.RequestView)
	if c.penalty > 0 {
		// Whoever went too far once waits, and does not make the wait longer by asking again.
		wait, err := wedge.Penalty(who)
		if err != nil {
			return err
		}
		if wait > 0 {
			return refuse(h, wait)
		}
	}
	n, err := wedge.Counter{Key: who, Window: c.window}.Add(1)
	if err != nil {
		return err
	}
	if n <= c.limit {
		return wedge.SetVar(left, strconv.FormatInt(c.limit-n, 10))
	}
	wait := c.window
	if c.penalty > 0 {
		wait = c.penalty
		if err := wedge.Penalise(who, wait); err != nil {
			return err
		}
	}
	if n == c.limit+1 {
		// Once for each time that a client goes too far: a flood of requests must not become a flood of lines.
		wedge.Log(wedge.LevelInfo, "a client asks too often", "client", who, "limit", strconv.FormatInt(c.limit, 10))
	}
	if err := wedge.Count("refused", 1); err != nil {
		return err
	}
	return refuse(h, wait)
}

// refuse answers with when to come again, in whole seconds, at least one.
func refuse(h *wedge.RequestHook, wait wedge.Duration) error {
	r, err := h.Respond(429, "Too many requests. Please try again later.\n")
	if err != nil {
		return err
	}
	if err := r.Header.Set("Content-Type", "text/plain; charset=utf-8"); err != nil {
		return err
	}
	// "The 429 (Too Many Requests) status code … MAY include a Retry-After header indicating how long to wait before making a new request."
	// https://www.rfc-editor.org/rfc/rfc6585#section-4
	if err := r.Header.Set("Retry-After", strconv.FormatInt(int64((wait+wedge.Second-1)/wedge.Second), 10)); err != nil {
		return err
	}
	// "Responses with the 429 status code MUST NOT be stored by a cache." (ibid.)
	return r.Header.Set("Cache-Control", "no-store")
}

// tell says how many requests are left, also in responses that come from the cache.
func tell(h *wedge.ResponseHook) error {
	n, ok := wedge.Var(left)
	if !ok {
		return nil
	}
	return h.Response.Header.Set("X-RateLimit-Remaining", n)
}

// config is what the operator wants.
type config struct {
	limit   int64
	window  wedge.Duration
	penalty wedge.Duration // 0: none
	by      string         // the field that tells clients apart, "" for the address
}

func settings() (c config, err error) {
	c = config{limit: 100, window: wedge.Minute}
	for name, v := range wedge.Settings() {
		switch name {
		case "limit":
			if c.limit, err = strconv.ParseInt(v, 10, 64); err != nil || c.limit < 1 {
				return c, errors.New("config limit: a number of requests, from 1")
			}
		case "window":
			if c.window, err = seconds(name, v); err != nil {
				return c, err
			}
		case "penalty":
			if c.penalty, err = seconds(name, v); err != nil {
				return c, err
			}
		case "by":
			c.by = v
		default:
			return c, errors.New("config " + name + " is not known: see the README of the example rate-limit")
		}
	}
	return c, nil
}

// seconds reads a number of seconds, up to a day: the longest window that a counter has.
func seconds(name, v string) (wedge.Duration, error) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 || n > 86400 {
		return 0, errors.New("config " + name + ": a number of seconds, from 1 to 86400")
	}
	return wedge.Duration(n) * wedge.Second, nil
}

// client is the key under which a client is counted. Whatever the client sends is hashed, because a key has at most 256 bytes; and it is counted by
// its address if it does not send the field, so that leaving it out helps nobody.
func (c config) client(r wedge.RequestView) string {
	if c.by != "" {
		if v, ok := r.Header.Lookup(c.by); ok {
			if sum, err := wedge.SHA256.Sum([]byte(v)); err == nil {
				return "rate-limit " + c.by + " " + hex(sum[:16])
			}
		}
	}
	// An address, or in IPv6 a network of 64 bits, behind which every host has as many addresses as it likes.
	network, _ := wedge.Client(wedge.Network)
	return "rate-limit address " + network
}

func hex(b []byte) string {
	const digits = "0123456789abcdef"
	s := make([]byte, 0, 2*len(b))
	for _, c := range b {
		s = append(s, digits[c>>4], digits[c&15])
	}
	return string(s)
}
