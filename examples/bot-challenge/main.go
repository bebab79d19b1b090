// Command bot-challenge has browsers do a little work before they are let in: a script on a page of its own looks for a number whose hash begins with
// enough zeros, and gets a cookie for it. What cannot run scripts, or asks a million times, does not get far. It is a function for the hook on_request;
// its README says how it is configured.
package main

import (
	"encoding/base64"
	"errors"
	"math/bits"
	"strconv"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(guard) }

func main() {} // never runs

const (
	cookie = "__Host-human"
	// answerPath is where the script sends what it found.
	answerPath = "/.well-known/bot-challenge"

	// timeToSolve is for how long a challenge is good.
	timeToSolve = 5 * wedge.Minute
)

func guard(h *wedge.RequestHook) error {
	c, err := settings()
	if err != nil {
		return err
	}
	who, _ := wedge.Client(wedge.Address)
	if h.Request.Path() == answerPath {
		return c.check(h, who)
	}
	pass, has := h.Request.Cookie(cookie)
	if has {
		good, err := c.isStamped("pass", who, pass)
		if err != nil || good {
			return err
		}
	}
	if c.letsIn(h.Request.RequestView) {
		return nil
	}
	return c.challenge(h, who)
}

// letsIn tells whether a request needs no pass.
func (c config) letsIn(q wedge.RequestView) bool {
	for prefix := range strings.SplitSeq(c.free, ",") {
		if prefix = strings.TrimSpace(prefix); prefix != "" && strings.HasPrefix(q.Path(), prefix) {
			return true
		}
	}
	return false
}

// challenge answers with the page. Only a page can be answered with a page: for everything else it is a refusal.
func (c config) challenge(h *wedge.RequestHook, who string) error {
	if err := wedge.Count("challenged", 1); err != nil {
		return err
	}
	body, kind := "This needs a browser.\n", "text/plain; charset=utf-8"
	if m := h.Request.Method(); m == "GET" && strings.Contains(h.Request.Header.Value("Accept"), "text/html") {
		stamp, err := c.stamp("challenge", who, wedge.Now().Unix()+int64(timeToSolve/wedge.Second))
		if err != nil {
			return err
		}
		body, kind = page(stamp, c.zeros), "text/html; charset=utf-8"
	}
	r, err := h.Respond(403, body)
	if err != nil {
		return err
	}
	for _, f := range [...][2]string{
		{"Content-Type", kind},
		{"Cache-Control", "no-store"},
		{"X-Robots-Tag", "noindex"},
		// The page runs its own script and sends to its own host, nothing else.
		{"Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'"},
	} {
		if err := r.Header.Set(f[0], f[1]); err != nil {
			return err
		}
	}
	return nil
}

// check gives a pass for work that was done. The query is "challenge=…&number=…".
func (c config) check(h *wedge.RequestHook, who string) error {
	stamp, number, ok := "", "", true
	for pair := range strings.SplitSeq(h.Request.Query(), "&") {
		switch name, v, _ := strings.Cut(pair, "="); name {
		case "challenge":
			stamp = v
		case "number":
			number = v
		}
	}
	// The signature comes first: it costs the least, and what nobody has signed is not hashed.
	ok, err := c.isStamped("challenge", who, stamp)
	if err != nil {
		return err
	}
	if n, err := strconv.ParseUint(number, 10, 53); ok && err == nil && strconv.FormatUint(n, 10) == number {
		sum, err := wedge.SHA256.Sum([]byte(stamp + "." + number))
		if err != nil {
			return err
		}
		ok = leadingZeros(sum) >= c.zeros
	} else {
		ok = false
	}
	if !ok {
		r, err := h.Respond(403, "That is not the answer.\n")
		if err != nil {
			return err
		}
		return r.Header.Set("Cache-Control", "no-store")
	}
	pass, err := c.stamp("pass", who, wedge.Now().Unix()+c.life)
	if err != nil {
		return err
	}
	r, err := h.Respond(204, "")
	if err != nil {
		return err
	}
	if err := r.Header.Set("Set-Cookie", cookie+"="+pass+"; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age="+strconv.FormatInt(c.life, 10)); err != nil {
		return err
	}
	if err := wedge.Count("passed", 1); err != nil {
		return err
	}
	return r.Header.Set("Cache-Control", "no-store")
}

// stamp is "TIME.CODE": a time until which it is good, and a code over that, what it is for, and for whom. A pass is good for one address, so that
// a thousand bots cannot share what one browser has earned.
func (c config) stamp(what, who string, until int64) (string, error) {
	text := strconv.FormatInt(until, 10)
	sum, err := wedge.SHA256.HMACSecret("key", []byte(what+"\n"+who+"\n"+text))
	if err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sum), nil
}

func (c config) isStamped(what, who, stamp string) (bool, error) {
	text, _, ok := strings.Cut(stamp, ".")
	until, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || until <= wedge.Now().Unix() {
		return false, nil
	}
	want, err := c.stamp(what, who, until)
	return err == nil && wedge.Equal([]byte(stamp), []byte(want)), err
}

func leadingZeros(b []byte) (n int) {
	for _, c := range b {
		n += bits.LeadingZeros8(c)
		if c != 0 {
			break
		}
	}
	return n
}

type config struct {
	zeros int // bits: each one doubles the work
	life  int64
	free  string
}

func settings() (c config, err error) {
	c = config{zeros: 16, life: 86400}
	if v, ok := wedge.Config("zeros"); ok {
		if c.zeros, err = strconv.Atoi(v); err != nil || c.zeros < 1 || c.zeros > 28 {
			return c, errors.New("config zeros: a number of bits from 1 to 28; 16 take a phone about a second")
		}
	}
	if v, ok := wedge.Config("life"); ok {
		if c.life, err = strconv.ParseInt(v, 10, 64); err != nil || c.life < 60 || c.life > 2592000 {
			return c, errors.New("config life: a number of seconds from 60 to 2592000")
		}
	}
	c.free, _ = wedge.Config("free")
	return c, nil
}
