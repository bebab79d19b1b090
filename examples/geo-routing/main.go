// Command geo-routing sends clients to the origin of their part of the world, keeps what that origin answers apart from the others', and closes a
// site for countries that must not see it. It is a function for the hooks on_request and on_fetch; its README says how it is configured.
package main

import (
	"errors"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(direct) }

//go:wasmexport on_fetch
func onFetch() int32 { return wedge.OnFetch(announce) }

func main() {} // never runs

// where is the variable by which on_request tells on_fetch the client's country.
const where = "geo-routing-country"

func direct(h *wedge.RequestHook) error {
	country := "unknown"
	if c, ok := wedge.Client(wedge.Country); ok {
		country = c
	}
	if blocked, _ := wedge.Config("block"); listed(blocked, country) {
		return unavailable(h, country)
	}
	rules, _ := wedge.Config("origins")
	origin, err := choose(rules, country)
	if err != nil || origin == "" {
		return err
	}
	if err := h.SetOrigin(origin); err != nil {
		return err
	}
	// What one origin answers must not reach clients of another. The key gets the origin, not the country: there are few origins and 249 countries,
	// and each value is a stored response of its own.
	if err := h.Key.Add("origin", origin); err != nil {
		return err
	}
	return wedge.SetVar(where, country)
}

// choose finds the origin in rules like "DE,AT,CH=europe; US,CA=america; *=world": the first that names the country. "" is the route's own origin.
func choose(rules, country string) (string, error) {
	for rule := range strings.SplitSeq(rules, ";") {
		if rule = strings.TrimSpace(rule); rule == "" {
			continue
		}
		countries, origin, ok := strings.Cut(rule, "=")
		if origin = strings.TrimSpace(origin); !ok || origin == "" {
			return "", errors.New(`config origins: "` + rule + `" is no rule: write COUNTRY,COUNTRY=ORIGIN; *=ORIGIN`)
		}
		if listed(countries, country) {
			return origin, nil
		}
	}
	return "", nil
}

// listed tells whether a list of countries has one; "*" is all, also where the node does not know.
func listed(countries, country string) bool {
	for c := range strings.SplitSeq(countries, ",") {
		if c = strings.TrimSpace(c); c == "*" || c != "" && strings.EqualFold(c, country) {
			return true
		}
	}
	return false
}

// unavailable refuses, and says on whose behalf if the operator says so.
func unavailable(h *wedge.RequestHook, country string) error {
	// "This status code indicates that the server is denying access to the resource as a consequence of a legal demand."
	// https://www.rfc-editor.org/rfc/rfc7725#section-3
	r, err := h.Respond(451, "This page is not available in your country.\n")
	if err != nil {
		return err
	}
	if authority, ok := wedge.Config("blocked_by"); ok {
		// "… SHOULD include a "Link" HTTP header field whose value is an IRI reference identifying itself. When used for this purpose, the "Link"
		// header field MUST have a "rel" parameter whose value is "blocked-by"." https://www.rfc-editor.org/rfc/rfc7725#section-4
		if err := r.Header.Set("Link", "<"+authority+`>; rel="blocked-by"`); err != nil {
			return err
		}
	}
	if err := r.Header.Set("Cache-Control", "private, no-store"); err != nil {
		return err
	}
	wedge.Log(wedge.LevelDebug, "refused", "country", country)
	return wedge.Count("blocked", 1)
}

// announce tells the origin from which country the first client of this response comes. It is for statistics: what the origin answers is stored for
// all countries that the origin serves, so it must not depend on the field.
func announce(h *wedge.FetchHook) error {
	// What a client sends under that name is no fact.
	if err := h.Request.Header.Remove("X-Client-Country"); err != nil {
		return err
	}
	if country, ok := wedge.Var(where); ok {
		return h.Request.Header.Set("X-Client-Country", country)
	}
	return nil
}
