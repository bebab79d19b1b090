package admin

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// fromHere refuses what a web page that an operator looks at could make the
// operator's browser send: requests under a name that was made to resolve to
// this machine (DNS rebinding), and requests of another origin (CSRF).
func (s *Server) fromHere(r *http.Request) error {
	if !s.knownHost(r.Host) {
		return &Error{Code: Forbidden, Field: "Host", Message: "this API is not served under the name of the Host field", Hint: "use 127.0.0.1, localhost or ::1"}
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return nil
	}
	// "[…] the origin of the request": scheme, host and port. "null" has none.
	// https://www.rfc-editor.org/rfc/rfc6454#section-7.1
	u, err := url.Parse(origins[0])
	if len(origins) > 1 || err != nil || u.Scheme != "http" && u.Scheme != "https" || !strings.EqualFold(u.Host, r.Host) {
		return &Error{Code: Forbidden, Field: "Origin", Message: "a web page of another origin made this request", Hint: "call the API from a program; browsers may call it from its own origin only"}
	}
	return nil
}

// knownHost says whether an authority may name this API.
func (s *Server) knownHost(authority string) bool {
	host := authority
	if h, _, err := net.SplitHostPort(authority); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1] // an IPv6 address without a port
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		// An address cannot be made to resolve to another one.
		return ip.Unmap().IsLoopback() || !s.opt.Loopback
	}
	switch {
	case host == "localhost", strings.HasSuffix(host, ".localhost"):
		return true
	case slices.ContainsFunc(s.opt.Hosts, func(h string) bool { return strings.EqualFold(h, host) }):
		return true
	}
	return !s.opt.Loopback && len(s.opt.Hosts) == 0
}
