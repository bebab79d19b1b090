// Command kv-redirects answers requests with redirects that stand in a store and can be edited while the node runs. It is a function for the hook
// on_request; its README says how rules are written.
package main

import (
	"errors"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(redirect) }

func main() {} // never runs

// maxPrefixes bounds how many prefixes of a path are looked up: a path of 8 KiB can have 8192 of them.
const maxPrefixes = 16

func redirect(h *wedge.RequestHook) error {
	store := wedge.KV("redirects")
	if name, ok := wedge.Config("store"); ok {
		store = wedge.KV(name)
	}
	host, path := h.Request.Host(), h.Request.Path()
	r, err := find(store, host, path)
	if err != nil || r.target == "" {
		return err
	}
	location, ok := r.location(path, h.Request.Query())
	if !ok {
		wedge.Log(wedge.LevelWarn, "redirect not followed: its target is unsafe", "key", r.key, "target", r.target)
		return nil
	}
	self := h.Request.Scheme() + "://" + host
	if location == h.Request.URI() || location == self+h.Request.URI() {
		return nil // it is there already: the rule means all but this page
	}
	endless, err := goesRound(store, host, self, location, r)
	if err != nil {
		return err
	}
	if endless {
		wedge.Log(wedge.LevelWarn, "redirect not followed: its rules lead in a circle", "key", r.key, "target", r.target)
		return nil
	}
	resp, err := h.Respond(r.status, "")
	if err != nil {
		return err
	}
	if err := resp.Header.Set("Location", location); err != nil {
		return err
	}
	// The node stores no answers of functions, and this keeps browsers from storing them for longer than an edit should take.
	control := "no-store"
	if r.status == 301 || r.status == 308 {
		control = "public, max-age=60"
	}
	if v, ok := wedge.Config("cache_control"); ok {
		control = v
	}
	return resp.Header.Set("Cache-Control", control)
}

// A rule is a redirect: "TARGET" or "STATUS TARGET" in the store.
type rule struct {
	status int
	target string // "" if there is none
	prefix int    // how much of the path the rule's key covers, 0 if all of it
	key    string
}

// find is the rule for a path: the exact one, or else that with the longest prefix. For each, one for the host stands before one for all hosts.
func find(store wedge.KV, host, path string) (rule, error) {
	r, err := lookup(store, host, path)
	if err != nil || r.target != "" {
		return r, err
	}
	for n, end := 0, len(path); n < maxPrefixes; n++ {
		if end = strings.LastIndexByte(path[:end], '/'); end < 0 {
			break
		}
		r, err := lookup(store, host, path[:end+1]+"*")
		if err != nil || r.target != "" {
			r.prefix = end + 1
			return r, err
		}
	}
	return rule{}, nil
}

func lookup(store wedge.KV, host, key string) (rule, error) {
	const longest = 1024 // what a store takes as a key
	for _, k := range [...]string{host + key, key} {
		if len(k) > longest {
			continue
		}
		v, err := store.Value(k)
		switch {
		case errors.Is(err, wedge.ErrAbsent):
			continue
		case err != nil:
			return rule{}, err
		}
		r, ok := parse(v)
		if !ok {
			wedge.Log(wedge.LevelWarn, `redirect not understood: write "TARGET" or "STATUS TARGET", status 301, 302, 303, 307 or 308`, "key", k)
			continue
		}
		r.key = k
		return r, nil
	}
	return rule{}, nil
}

// parse reads a rule.
func parse(text string) (rule, bool) {
	first, target, two := strings.Cut(strings.Trim(text, " \t\r\n"), " ")
	if !two {
		return rule{status: 302, target: first}, first != ""
	}
	target = strings.Trim(target, " \t")
	if target == "" || strings.ContainsAny(target, " \t") {
		return rule{}, false
	}
	for _, code := range [...]struct {
		text   string
		status int
	}{{"301", 301}, {"302", 302}, {"303", 303}, {"307", 307}, {"308", 308}} {
		if first == code.text {
			return rule{status: code.status, target: target}, true
		}
	}
	return rule{}, false
}

// location is where the rule leads for a path and a query. What the client sent can extend the target's path and query, never its scheme or host.
func (r rule) location(path, query string) (string, bool) {
	target, rest := r.target, ""
	if r.prefix > 0 {
		rest = path[r.prefix:]
	}
	if base, ok := strings.CutSuffix(target, "*"); ok {
		if !strings.HasSuffix(base, "/") || !isSafe(base) {
			return "", false // the rest could go on with the host's name: https://shop.example* and .evil.example, or be it: https://*
		}
		// "/*" with a rest of "/evil.example" would be "//evil.example", another host.
		target = base + strings.TrimLeft(rest, "/")
	}
	if !isSafe(target) {
		return "", false
	}
	if query != "" && !strings.ContainsAny(target, "?#") {
		target += "?" + query
	}
	return target, true
}

// isSafe accepts a path of this host and a URL with http or https. A path with two slashes at its beginning is another host, also with backslashes,
// which browsers take for slashes.
func isSafe(target string) bool {
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f || c == '\\' || c == '"' || c == '<' || c == '>' {
			return false
		}
	}
	if strings.HasPrefix(target, "/") {
		return !strings.HasPrefix(target, "//")
	}
	for _, scheme := range [...]string{"https://", "http://"} {
		if rest, ok := strings.CutPrefix(target, scheme); ok {
			end := strings.IndexAny(rest, "/?#")
			if end < 0 {
				end = len(rest)
			}
			return end > 0 && !strings.Contains(rest[:end], "@")
		}
	}
	return false
}

// maxHops is how many redirects in a row are looked at; browsers follow about 20.
const maxHops = 8

// goesRound tells whether a location on this host leads, through further rules, to a rule that was used before: then it would never end.
func goesRound(store wedge.KV, host, self, location string, first rule) (bool, error) {
	used := append(make([]string, 0, maxHops), first.key)
	for range maxHops {
		if rest, ok := strings.CutPrefix(location, self); ok {
			location = rest
		}
		if !strings.HasPrefix(location, "/") {
			return false, nil // another host, or this host's root
		}
		uri, _, _ := strings.Cut(location, "#")
		path, query, _ := strings.Cut(uri, "?")
		r, err := find(store, host, path)
		if err != nil || r.target == "" {
			return false, err
		}
		next, ok := r.location(path, query)
		if !ok || next == uri || next == self+uri {
			return false, nil // that rule is not followed there
		}
		for _, key := range used {
			if key == r.key {
				return true, nil
			}
		}
		used, location = append(used, r.key), next
	}
	return true, nil
}
