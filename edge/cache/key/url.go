package key

import (
	"errors"
	"strings"
)

// What makes the URL or prefix of a purge unacceptable. Users see them.
var (
	ErrScheme = errors.New(`the URL must begin with "http://" or "https://"`)
	ErrHost   = errors.New("the URL has no host")
)

// A URL is a URL taken apart.
type URL struct {
	Scheme, Host, Path, Query string
	HasQuery                  bool
}

// ParseURL takes apart the URL, or the beginning of one, that a purge names. Its
// scheme and host are put into the form that requests have: lower case, no
// port that is the scheme's own. Path and query are as they came; whoever has a
// normal form for the targets of requests applies it to them. A fragment is cut
// off: it is never sent.
func ParseURL(s string) (u URL, err error) {
	scheme, rest, ok := strings.Cut(s, "://")
	u.Scheme = strings.ToLower(scheme)
	if !ok || u.Scheme != "http" && u.Scheme != "https" {
		return URL{}, ErrScheme
	}
	rest, _, _ = strings.Cut(rest, "#")
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	u.Host, u.Path = strings.ToLower(rest[:end]), rest[end:]
	port := ":80"
	if u.Scheme == "https" {
		port = ":443"
	}
	u.Host = strings.TrimSuffix(strings.TrimSuffix(u.Host, port), ":")
	u.Host = strings.TrimSuffix(u.Host, ".")
	if u.Host == "" || strings.ContainsAny(u.Host, "@\\ ") {
		return URL{}, ErrHost
	}
	u.Path, u.Query, u.HasQuery = strings.Cut(u.Path, "?")
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// String is the URL as text, in the form by which prefixes are compared.
func (u URL) String() string {
	return string(AppendURL(nil, u.Scheme, u.Host, u.Path, u.Query, u.HasQuery))
}

// AppendURL appends a URL as text.
func AppendURL(b []byte, scheme, host, path, query string, hasQuery bool) []byte {
	b = append(append(append(append(b, scheme...), "://"...), host...), path...)
	if hasQuery {
		b = append(append(b, '?'), query...)
	}
	return b
}
