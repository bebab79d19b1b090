package origin

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Pool says what an origin is made of: the servers that share its requests,
// and how they are spoken to.
type Pool struct {
	Owner, Name string
	Servers     []Server
	Settings    Settings
}

// A Server is one server of an origin.
type Server struct {
	// URL is http://host[:port] or https://host[:port], without a path.
	URL string
	// Weight is its share of the requests relative to the others'. Default 1.
	Weight int
}

// Settings is how the servers of an origin are spoken to. The zero value is the default.
type Settings struct {
	// Host is the Host field that the servers see; "" keeps the request's own.
	Host string
	// ConnectTimeout bounds a connection's making, TLS included. Default 5 s.
	ConnectTimeout time.Duration
	// FirstByteTimeout bounds the time from the end of the request to the end
	// of the response's head, and the wait for a free connection. Default 30 s.
	FirstByteTimeout time.Duration
	// IdleTimeout bounds a silence inside a response's body, and the time for
	// which a server may take nothing of a request's. Default 30 s.
	IdleTimeout time.Duration
	// Retries is how often a request is sent again where that is safe. 0 is never.
	Retries int
	// Connections is the most connections to each server. Default 512.
	Connections int
}

func (s *Settings) defaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&s.ConnectTimeout, 5*time.Second)
	def(&s.FirstByteTimeout, 30*time.Second)
	def(&s.IdleTimeout, 30*time.Second)
	if s.Connections <= 0 {
		s.Connections = 512
	}
}

func (p *Pool) equal(q *Pool) bool {
	return p.Owner == q.Owner && p.Name == q.Name && p.Settings == q.Settings && slices.Equal(p.Servers, q.Servers)
}

// An endpoint is what a server's URL says.
type endpoint struct {
	secure    bool
	name      string // host without port, for SNI and certificates
	authority string // as it stands in Host: without the scheme's default port
	address   string // host:port, to dial
}

// parseEndpoint reads scheme and authority of an absolute URL and returns what follows.
func parseEndpoint(raw string) (e endpoint, rest string, err error) {
	scheme, after, ok := strings.Cut(raw, "://")
	port := "80"
	switch {
	case ok && strings.EqualFold(scheme, "https"):
		e.secure, port = true, "443"
	case ok && strings.EqualFold(scheme, "http"):
	default:
		return e, "", fmt.Errorf("%q does not begin with http:// or https://", raw)
	}
	authority := after
	if i := strings.IndexAny(after, "/?#"); i >= 0 {
		authority, rest = after[:i], after[i:]
	}
	u, err := url.Parse("//" + authority)
	if err != nil || u.Host != authority || u.Hostname() == "" || strings.HasSuffix(authority, ":") {
		return e, "", fmt.Errorf("%q has no host, or one that is malformed", raw)
	}
	e.name = strings.ToLower(u.Hostname())
	e.authority = e.name
	if strings.Contains(e.name, ":") {
		e.authority = "[" + e.name + "]"
	}
	if p := u.Port(); p != "" && p != port {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return e, "", fmt.Errorf("%q: port %s is not within 1 and 65535", raw, p)
		}
		port = p
		e.authority += ":" + port
	}
	if !validHost(e.authority) {
		return e, "", fmt.Errorf("%q has a character that no host has: write an international name in its xn-- form", raw)
	}
	e.address = net.JoinHostPort(e.name, port)
	return e, rest, nil
}
