package config

import (
	"net/url"
	"strings"
)

// Name is the name of a function, an origin, a site, a store, a token or an owner: 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning
// with a letter or a digit. So it can stand in a URL, a file name and a metric's label as it is.
type Name string

// UnmarshalText accepts a name of the right form.
func (n *Name) UnmarshalText(text []byte) error {
	t := string(text)
	if !isName(t) {
		hint := "a name has 1 to 63 of a-z, 0-9, '.', '_', '-', and begins with a letter or a digit"
		if lower := strings.ReplaceAll(strings.ToLower(t), " ", "-"); isName(lower) {
			hint += ": " + quote(lower)
		}
		return complain(hint, "%s is not a name", quote(t))
	}
	*n = Name(t)
	return nil
}

func isName(t string) bool {
	if t == "" || len(t) > 63 {
		return false
	}
	for i := range len(t) {
		switch c := t[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return true
}

// Pattern is what JSON Schema can say of the form.
func (Name) Pattern() string { return `^[a-z0-9][a-z0-9._-]{0,62}$` }

// CookieName is the name of a cookie: a token in the sense of RFC 9110 §5.6.2.
type CookieName string

// UnmarshalText accepts a token.
func (n *CookieName) UnmarshalText(text []byte) error {
	t := string(text)
	if t == "" || len(t) > 256 || strings.ContainsFunc(t, func(r rune) bool { return !strings.ContainsRune(tokenChars, r) }) {
		return complain("a cookie's name has letters, digits and !#$%&'*+-.^_`|~ only", "%s is not the name of a cookie", quote(t))
	}
	*n = CookieName(t)
	return nil
}

// https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2-2
const tokenChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"

// Pattern is what JSON Schema can say of the form.
func (CookieName) Pattern() string { return "^[-A-Za-z0-9!#$%&'*+.^_`|~]{1,256}$" }

// FieldName is the name of a field of a message, in any case: a token in the sense of RFC 9110 §5.6.2.
type FieldName string

// UnmarshalText accepts a token.
func (n *FieldName) UnmarshalText(text []byte) error {
	t := string(text)
	if t == "" || len(t) > 256 || strings.ContainsFunc(t, func(r rune) bool { return !strings.ContainsRune(tokenChars, r) }) {
		return complain("a field's name has letters, digits and !#$%&'*+-.^_`|~ only", "%s is not the name of a field", quote(t))
	}
	*n = FieldName(t)
	return nil
}

// Pattern is what JSON Schema can say of the form.
func (FieldName) Pattern() string { return "^[-A-Za-z0-9!#$%&'*+.^_`|~]{1,256}$" }

// Path is the path of a route: a whole path, or a beginning with one '*' at its end. It is written as the node sees paths after it has
// normalised them, or it would never match.
type Path string

// UnmarshalText accepts a normalised path.
func (p *Path) UnmarshalText(text []byte) error {
	t := string(text)
	body := strings.TrimSuffix(t, "*")
	switch {
	case !strings.HasPrefix(t, "/"):
		return complain("write "+quote("/"+t), "the path %s does not begin with /", quote(t))
	case strings.Contains(body, "*"):
		return complain("one * may stand at the end, as /api/*", "the path %s has a * that is not its last character", quote(t))
	case strings.ContainsAny(body, "?#"):
		return complain("routes are chosen by host and path only", "the path %s has a query or a fragment", quote(t))
	case strings.Contains(body, `\`):
		return complain("paths are divided by /", `the path %s has a \`, quote(t))
	case len(t) > 4096:
		return complain("shorten it with a * at the end", "the path is longer than 4096 bytes")
	}
	for i := range len(body) {
		if body[i] <= ' ' || body[i] >= 0x7f {
			return complain("write "+quote((&url.URL{Path: body}).EscapedPath()), "the path %s has characters that must be percent-encoded", quote(t))
		}
	}
	for segment := range strings.SplitSeq(body, "/") {
		// "The complete path segments "." and ".." […] are intended for use […] in relative references": a normalised path has none.
		// https://www.rfc-editor.org/rfc/rfc3986#section-3.3-7
		if segment == "." || segment == ".." {
			return complain("write the path that is meant", "the path %s has a segment %s, which no request has after it was normalised", quote(t), quote(segment))
		}
	}
	plain, err := canonicalEscapes(body)
	if err != nil {
		return complain("write % itself as %25", "the path %s has a %% that no two hexadecimal digits follow", quote(t))
	}
	if plain != body {
		return complain("write "+quote(plain+t[len(body):]), "the path %s would never match: the node decodes what needs no encoding, and writes the rest in upper case", quote(t))
	}
	*p = Path(t)
	return nil
}

// canonicalEscapes gives each percent-encoded octet its normal form.
//
// "These URIs should be normalized by decoding any percent-encoded octet that corresponds to an unreserved character"
// https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2.2-1
func canonicalEscapes(path string) (string, error) {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			b.WriteByte(path[i])
			continue
		}
		if i+2 >= len(path) || unhex(path[i+1]) < 0 || unhex(path[i+2]) < 0 {
			return "", url.EscapeError(path[i:])
		}
		c := byte(unhex(path[i+1])<<4 | unhex(path[i+2]))
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString(string([]byte{'%', upper[c>>4], upper[c&15]}))
		}
		i += 2
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

// Pattern is what JSON Schema can say of the form.
func (Path) Pattern() string { return `^/[^*?#\\ ]*\*?$` }
