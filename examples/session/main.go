// Command session keeps who is logged in at the edge: the origin logs people in and out, the function keeps the session in a store, and every other
// request reaches the origin with the user's name, which no client can forge. It is a function for the hooks on_request, on_fetched and on_response; its
// README says how it is configured.
package main

import (
	"encoding/base64"
	"errors"
	"strconv"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(recognise) }

//go:wasmexport on_fetched
func onFetched() int32 { return wedge.OnFetched(keepApart) }

//go:wasmexport on_response
func onResponse() int32 { return wedge.OnResponse(settle) }

func main() {} // never runs

// The fields between function and origin. The origin logs a user in by answering with User, and out by answering with End; clients see neither.
const (
	user = "X-Session-User"
	end  = "X-Session-End"
)

// The cookie. The prefix has browsers refuse it without Secure and Path=/, and from another host of the domain.
const cookie = "__Host-session"

// current is the variable by which on_request tells on_response the key of the client's session.
const current = "session-key"

// recognise tells the origin who asks.
func recognise(h *wedge.RequestHook) error {
	// What a client sends under the origin's name is no fact.
	if err := h.Request.Header.Remove(user); err != nil {
		return err
	}
	token, ok := h.Request.Cookie(cookie)
	if !ok {
		return nil
	}
	key, err := keyOf(token)
	if err != nil || key == "" {
		return err
	}
	c, err := settings()
	if err != nil {
		return err
	}
	e, err := c.store.Get(key)
	if errors.Is(err, wedge.ErrAbsent) {
		return nil // it has ended; the origin decides what that means for this page
	}
	if err != nil {
		return err
	}
	// A session lives on as long as it is used. It is written at most four times in its life, not by every request.
	if left := e.Expires - wedge.Now(); left < wedge.Time(c.life*3/4) {
		_, err := c.store.Put(key, e.Value, wedge.PutOptions{TTL: c.life, IfVersion: e.Version})
		if err != nil && !errors.Is(err, wedge.ErrConflict) { // somebody else has lengthened or ended it
			return err
		}
	}
	if err := h.Request.Header.Set(user, string(e.Value)); err != nil {
		return err
	}
	if err := wedge.SetVar(current, key); err != nil {
		return err
	}
	// What the origin answers is for this user, so it is neither taken from the cache nor put there.
	return h.Bypass()
}

// keepApart has what begins or ends a session be for the one who asked alone, whatever the origin says of caching: it is not stored, and not given to
// those who asked for the same at the same time, whom it would log in as somebody else.
func keepApart(h *wedge.FetchedHook) error {
	if h.Response.Header.Has(user) || h.Response.Header.Has(end) {
		return h.Keep.NoStore()
	}
	return nil
}

// settle begins and ends sessions as the origin says.
func settle(h *wedge.ResponseHook) error {
	name, begins := h.Response.Header.Lookup(user)
	ends := h.Response.Header.Has(end)
	for _, field := range [...]string{user, end} {
		if err := h.Response.Header.Remove(field); err != nil {
			return err
		}
	}
	if !begins && !ends {
		return nil
	}
	if o := wedge.Outcome(); o == "hit" || o == "stale" {
		// A stored response would log everybody in as one. This one was stored before this function was there.
		wedge.Log(wedge.LevelError, "a stored response begins or ends a session: its route must not be cached", "path", h.Request.Path())
		return nil
	}
	c, err := settings()
	if err != nil {
		return err
	}
	// The old session ends in any case: whoever had its token before the login must not be logged in by it.
	if key, ok := wedge.Var(current); ok {
		if err := c.store.Delete(key); err != nil && !errors.Is(err, wedge.ErrAbsent) {
			return err
		}
	}
	if !begins {
		return setCookie(h, "", 0)
	}
	var random [32]byte
	if err := wedge.Random(random[:]); err != nil {
		return err
	}
	token := base64.RawURLEncoding.EncodeToString(random[:])
	key, err := keyOf(token)
	if err != nil {
		return err
	}
	if _, err := c.store.Put(key, []byte(name), wedge.PutOptions{TTL: c.life, IfAbsent: true}); err != nil {
		return err
	}
	return setCookie(h, token, c.life)
}

func setCookie(h *wedge.ResponseHook, token string, life wedge.Duration) error {
	if err := h.Response.Header.Set("Cache-Control", "private, no-store"); err != nil {
		return err
	}
	return h.Response.Header.Add("Set-Cookie", cookie+"="+token+"; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age="+strconv.FormatInt(int64(life/wedge.Second), 10))
}

// keyOf is the key of a token's session, "" if it is no token. The store holds a hash: whoever can list its keys cannot log in with them.
func keyOf(token string) (string, error) {
	if len(token) != base64.RawURLEncoding.EncodedLen(32) {
		return "", nil
	}
	sum, err := wedge.SHA256.Sum([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum), err
}

type config struct {
	store wedge.KV
	life  wedge.Duration
}

func settings() (config, error) {
	c := config{store: "sessions", life: 12 * wedge.Hour}
	if v, ok := wedge.Config("store"); ok {
		c.store = wedge.KV(v)
	}
	if v, ok := wedge.Config("life"); ok {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 60 || n > 31536000 {
			return c, errors.New("config life: a number of seconds, from 60 to 31536000")
		}
		c.life = wedge.Duration(n) * wedge.Second
	}
	return c, nil
}
