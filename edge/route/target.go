package route

import (
	"errors"
	"strings"
)

// What makes a target unacceptable. The texts are for the log; a client gets 400.
var (
	ErrForm      = errors.New("the request target has none of the forms of RFC 9112 section 3.2")
	ErrCharacter = errors.New("the request target has a character that may not stand there")
	ErrEncoding  = errors.New("the path has a percent sign without two hexadecimal digits")
	ErrEscape    = errors.New("the path leaves the root by its dot segments")
	ErrAuthority = errors.New("the host is not a valid authority")
)

// Class of each byte in a path or query.
const (
	plain      = iota // stands as it is
	mustEncode        // is replaced by its percent-encoding
	forbidden         // makes the target unacceptable
)

var pathClass, queryClass = classes()

func classes() (path, query [256]byte) {
	for c := range 256 {
		switch {
		case c < 0x20 || c == 0x7f || c == '#' || c == ' ':
			path[c], query[c] = forbidden, forbidden
		case c == '\\':
			// Many origins take "\" for "/", so two spellings would be two keys
			// for one resource, and "..\" a way out of a folder.
			path[c] = forbidden
		case c >= 0x80, strings.IndexByte("\"<>", byte(c)) >= 0:
			path[c], query[c] = mustEncode, mustEncode
		case strings.IndexByte("^`{|}", byte(c)) >= 0:
			path[c] = mustEncode
		case c == '?':
			path[c] = forbidden // the first one has ended the path
		}
	}
	return path, query
}

// unreserved tells the characters whose percent-encoding says the same as they
// do themselves (RFC 3986 §2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// A Target is a request target in normal form. Its strings are views of what
// was parsed wherever that was in normal form already.
type Target struct {
	// Authority is set for the absolute form, "" otherwise. It is not in
	// normal form yet.
	Authority   string
	Path, Query string
	HasQuery    bool
	// Asterisk is the target of a server-wide OPTIONS; Path is "*".
	Asterisk bool
}

// ParseTarget reads a request target (RFC 9112 §3.2) and puts it into normal
// form as RFC 3986 §6.2.2 and §6.2.3 describe it: percent-encodings in upper
// case, none for unreserved characters, no dot segments, a path of at least
// "/". Empty segments and the order of the query stay: they may mean
// something. A path that would leave the root, holds NUL or "\" in any
// spelling, or hides ".." behind an encoded slash is an error.
func ParseTarget(target string) (t Target, err error) {
	switch {
	case target == "":
		return t, ErrForm
	case target == "*":
		return Target{Path: "*", Asterisk: true}, nil
	case target[0] != '/':
		rest, ok := cutScheme(target)
		if !ok {
			return t, ErrForm
		}
		end := strings.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		t.Authority, target = rest[:end], rest[end:]
		if t.Authority == "" {
			return t, ErrForm
		}
	}
	t.Path = target
	if i := strings.IndexByte(target, '?'); i >= 0 {
		t.Path, t.Query, t.HasQuery = target[:i], target[i+1:], true
	}
	// "In general, a URI that uses the generic syntax for authority with an
	// empty path should be normalized to a path of '/'."
	// https://www.rfc-editor.org/rfc/rfc3986#section-6.2.3
	if t.Path == "" {
		t.Path = "/"
	}
	if t.Path, err = normalPath(t.Path); err != nil {
		return t, err
	}
	t.Query, err = normalQuery(t.Query)
	return t, err
}

func cutScheme(s string) (rest string, ok bool) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			return s[len(scheme):], true
		}
	}
	return "", false
}

func normalPath(p string) (string, error) {
	// Fast path: most paths are in normal form.
	dots := false
	normal := true
	for i := 0; i < len(p); i++ {
		switch c := p[i]; pathClass[c] {
		case forbidden:
			return "", ErrCharacter
		case mustEncode:
			normal = false
		default:
			if c == '%' {
				normal = false
			} else if c == '.' && p[i-1] == '/' { // p[0] is '/'
				dots = true
			}
		}
	}
	if !normal {
		var err error
		if p, err = recode(p, &pathClass, true); err != nil {
			return "", err
		}
		dots = strings.Contains(p, "/.")
		if hidesDots(p) {
			return "", ErrEscape
		}
	}
	if dots {
		return removeDotSegments(p)
	}
	return p, nil
}

func normalQuery(q string) (string, error) {
	normal := true
	for i := 0; i < len(q); i++ {
		switch queryClass[q[i]] {
		case forbidden:
			return "", ErrCharacter
		case mustEncode:
			normal = false
		default:
			normal = normal && q[i] != '%'
		}
	}
	if normal {
		return q, nil
	}
	return recode(q, &queryClass, false)
}

const upperhex = "0123456789ABCDEF"

// recode puts percent-encodings into normal form. In a path (strict) a stray
// "%" is an error, as are the encodings of NUL and "\"; in a query, which is
// data, they stand.
func recode(s string, class *[256]byte, strict bool) (string, error) {
	var b strings.Builder
	b.Grow(len(s) + 8)
	stray := -2 // the output's length after the last stray "%"
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case class[c] == mustEncode:
			b.Write([]byte{'%', upperhex[c>>4], upperhex[c&15]})
		case c != '%':
			b.WriteByte(c)
		case i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0:
			if strict {
				return "", ErrEncoding
			}
			b.WriteByte(c)
			stray = b.Len()
		default:
			d := byte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
			// "These URIs should be normalized by decoding any percent-encoded
			// octet that corresponds to an unreserved character".
			// https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2.2
			// But not where the octet would complete a stray "%": "%%610" means
			// "%a0", and "%a0" means something else.
			if unreserved(d) && !(unhex(d) >= 0 && b.Len() <= stray+1) {
				b.WriteByte(d)
				break
			}
			if strict && (d == 0 || d == '\\') {
				return "", ErrCharacter
			}
			// "URI producers and normalizers should use uppercase hexadecimal
			// digits for all percent-encodings."
			// https://www.rfc-editor.org/rfc/rfc3986#section-2.1
			b.Write([]byte{'%', upperhex[d>>4], upperhex[d&15]})
		}
	}
	return b.String(), nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// hidesDots tells whether a segment has ".." between encoded slashes: to an
// origin that decodes before it resolves, "/a%2F..%2Fb" is "/b".
func hidesDots(p string) bool {
	for segment := range strings.SplitSeq(p, "/") {
		if !strings.Contains(segment, "%2F") {
			continue
		}
		for part := range strings.SplitSeq(segment, "%2F") {
			if part == ".." {
				return true
			}
		}
	}
	return false
}

// removeDotSegments is RFC 3986 §5.2.4 for a path that begins with "/", but
// for one thing: a ".." above the root is an error, not nothing. No client
// that means well sends it.
func removeDotSegments(p string) (string, error) {
	out := make([]string, 0, 16)
	rest := p[1:]
	for {
		seg, tail, more := strings.Cut(rest, "/")
		switch seg {
		case ".":
			if !more {
				out = append(out, "")
			}
		case "..":
			if len(out) == 0 {
				return "", ErrEscape
			}
			out = out[:len(out)-1]
			if !more {
				out = append(out, "")
			}
		default:
			out = append(out, seg)
		}
		if !more {
			return "/" + strings.Join(out, "/"), nil
		}
		rest = tail
	}
}
