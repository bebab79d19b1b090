// Command ab-routing sends each client to one of several cohorts and keeps it there by a cookie: the cohort chooses the origin and is part of the cache
// key, and the weights stand in a store, where they can be changed while the node runs. It is a function for the hooks on_request and on_response; its
// README says how it is configured.
package main

import (
	"errors"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(route) }

//go:wasmexport on_response
func onResponse() int32 { return wedge.OnResponse(remember) }

func main() {} // never runs

// assigned is the variable that tells on_response which cohort on_request has just chosen. A variable of the exchange, and none of the program: an
// instance may serve several exchanges.
const assigned = "ab-assigned"

// cohortField tells the origin which cohort a request belongs to.
const cohortField = "X-Cohort"

func route(h *wedge.RequestHook) error {
	c, err := settings()
	if err != nil {
		return err
	}
	if err := h.Request.Header.Remove(cohortField); err != nil {
		return err
	}
	cohorts, err := c.weights()
	if err != nil || len(cohorts) == 0 {
		return err
	}
	name, known := h.Request.Cookie(c.cookie)
	known = known && listed(cohorts, name)
	if !known {
		// A new client, one whose cohort has ended, or one that made something up.
		if name, err = draw(cohorts); err != nil {
			return err
		}
		if err := wedge.SetVar(assigned, name); err != nil {
			return err
		}
	}
	// The cookie has done its work. Left in the request, it would make the response one that belongs to a user.
	if err := dropCookie(h.Request.Header, c.cookie); err != nil {
		return err
	}
	if err := h.Key.Add("ab-"+c.experiment, name); err != nil {
		return err
	}
	if err := h.Request.Header.Set(cohortField, c.experiment+"="+name); err != nil {
		return err
	}
	if origin, ok := wedge.Config("origin_" + name); ok {
		return h.SetOrigin(origin)
	}
	return nil
}

func remember(h *wedge.ResponseHook) error {
	c, err := settings()
	if err != nil {
		return err
	}
	// Whoever stores the response further on must not give it to another cohort.
	if err := addVary(h.Response.Header); err != nil {
		return err
	}
	name, ok := wedge.Var(assigned)
	if !ok {
		return nil
	}
	cookie := c.cookie + "=" + name + "; Path=/; Max-Age=" + c.maxAge + "; HttpOnly; SameSite=Lax"
	if h.Request.Scheme() == "https" {
		cookie += "; Secure"
	}
	// Nor may it give one client's cookie to others who have none: "private" counts, whatever stands beside it.
	if err := h.Response.Header.Add("Cache-Control", "private"); err != nil {
		return err
	}
	return h.Response.Header.Add("Set-Cookie", cookie)
}

func addVary(header wedge.Header) error {
	for line := range header.Values("Vary") {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.Trim(name, " \t"); name == "*" || strings.EqualFold(name, "Cookie") {
				return nil
			}
		}
	}
	return header.Add("Vary", "Cookie")
}

// dropCookie takes one cookie out of the Cookie field and leaves the others as they are.
func dropCookie(header wedge.Header, name string) error {
	var kept []string
	found := false
	for line := range header.Values("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.Trim(pair, " \t")
			if n, _, _ := strings.Cut(pair, "="); strings.Trim(n, " \t") == name {
				found = true
			} else if pair != "" {
				kept = append(kept, pair)
			}
		}
	}
	switch {
	case !found:
		return nil
	case len(kept) == 0:
		return header.Remove("Cookie")
	}
	return header.Set("Cookie", strings.Join(kept, "; "))
}

// config is what the operator wants.
type config struct {
	experiment string
	cookie     string
	maxAge     string
	store      wedge.KV
	fallback   string // weights for when the store has none
}

func settings() (config, error) {
	c := config{experiment: "ab", maxAge: "2592000", store: "ab"}
	for name, v := range wedge.Settings() {
		switch name {
		case "experiment":
			c.experiment = v
		case "max_age":
			c.maxAge = v
		case "store":
			c.store = wedge.KV(v)
		case "weights":
			c.fallback = v
		}
	}
	c.cookie = "ab_" + c.experiment
	if !isName(c.experiment) {
		return c, errors.New("config experiment: 1 to 32 of a-z, 0-9, - and _")
	}
	if c.maxAge == "" || len(c.maxAge) > 9 || strings.Trim(c.maxAge, "0123456789") != "" {
		return c, errors.New("config max_age: a number of seconds")
	}
	return c, nil
}
