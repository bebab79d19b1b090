// Command headers keeps stored responses free of what belongs to one user or one server, and gives each response the fields that protect the one
// who reads it. It is a function for the hooks on_fetched and on_response; its README says how it is configured.
package main

import (
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_fetched
func onFetched() int32 { return wedge.OnFetched(strip) }

//go:wasmexport on_response
func onResponse() int32 { return wedge.OnResponse(protect) }

func main() {} // never runs

// private fields tell who serves, or belong to the one who asked: a stored response must not have them.
var private = [...]string{"Set-Cookie", "Server", "X-Powered-By", "X-AspNet-Version", "X-AspNetMvc-Version", "X-Generator", "X-Runtime", "X-Backend-Server"}

// strip makes a response fit for being stored and shared.
func strip(h *wedge.FetchedHook) error {
	for _, name := range private {
		if name == "Set-Cookie" && on("keep_cookies") {
			// A response that sets cookies is for one client only.
			if h.Response.Header.Has(name) {
				if err := h.Keep.NoStore(); err != nil {
					return err
				}
			}
			continue
		}
		if err := h.Response.Header.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// on tells whether a setting is switched on.
func on(setting string) bool {
	v, _ := wedge.Config(setting)
	return v == "true" || v == "on" || v == "yes" || v == "1"
}

// A guard is a field that is set unless the origin has decided about it; the setting's value takes the default's place, "off" takes it away.
type guard struct{ name, setting, value string }

var guards = [...]guard{
	{"X-Content-Type-Options", "content_type_options", "nosniff"},
	{"Referrer-Policy", "referrer_policy", "strict-origin-when-cross-origin"},
	{"X-Frame-Options", "frame_options", "SAMEORIGIN"},
	{"Permissions-Policy", "permissions_policy", "camera=(), geolocation=(), microphone=()"},
	{"Cross-Origin-Opener-Policy", "opener_policy", "same-origin"},
	{"Content-Security-Policy", "content_security_policy", ""},
	{"Strict-Transport-Security", "strict_transport_security", "max-age=31536000"},
}

// protect sets what one client gets.
func protect(h *wedge.ResponseHook) error {
	for _, g := range guards {
		value := g.value
		if v, ok := wedge.Config(g.setting); ok {
			value = v
		}
		// "An HSTS Host MUST NOT include the STS header field in HTTP responses conveyed over non-secure transport."
		// https://www.rfc-editor.org/rfc/rfc6797#section-7.2
		insecure := g.name == "Strict-Transport-Security" && h.Request.Scheme() != "https"
		if value == "" || strings.EqualFold(value, "off") || insecure || h.Response.Header.Has(g.name) {
			continue
		}
		if err := h.Response.Header.Set(g.name, value); err != nil {
			return err
		}
	}
	// Responses made by the node or by another function have not passed strip.
	for _, name := range [...]string{"Server", "X-Powered-By"} {
		if err := h.Response.Header.Remove(name); err != nil {
			return err
		}
	}
	return h.Response.Header.Set("X-Request-Id", requestID(h.Request))
}

// requestID is the client's own id, if it is one that can stand in a log, or else the exchange's.
func requestID(r wedge.RequestView) string {
	if !on("trust_request_id") {
		return wedge.ID()
	}
	id := r.Header.Value("X-Request-Id")
	if len(id) < 8 || len(id) > 128 {
		return wedge.ID()
	}
	for i := range len(id) {
		c := id[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			continue
		}
		return wedge.ID()
	}
	return id
}
