package message

import (
	"net/netip"
	"strings"
)

// CutQuery splits a URI at its first "?".
func CutQuery(uri string) (path, query string, has bool) { return strings.Cut(uri, "?") }

// Path puts a path into the form in which the node compares paths
// (RFC 3986 §6.2.2): unreserved characters not encoded, hexadecimal digits in
// upper case. It refuses what has more than one reading: dot segments, also
// encoded ones, backslashes, NUL, control characters and bare non-ASCII.
func Path(p string) (string, bool) {
	if p == "" || p[0] != '/' || len(p) > 8<<10 {
		return "", false
	}
	p, ok := decodeUnreserved(p, func(c byte) bool { return c != '\\' && c != '#' && c != '?' })
	if !ok {
		return "", false
	}
	for rest := p; rest != ""; {
		var seg string
		seg, rest, _ = strings.Cut(rest[1:], "/")
		if seg == "." || seg == ".." {
			return "", false
		}
		if rest != "" {
			rest = "/" + rest
		}
	}
	return p, !strings.Contains(p, "%5C")
}

// Query is Path for what follows "?".
func Query(q string) (string, bool) {
	if len(q) > 8<<10 {
		return "", false
	}
	return decodeUnreserved(q, func(c byte) bool { return c != '#' })
}

// decodeUnreserved decodes percent-encoded unreserved characters and writes
// the digits of the others in upper case; false for a broken encoding, an
// encoded NUL, or a character that is not visible ASCII or not allowed.
//
// "percent-encoded octets in the ranges of ALPHA ..., DIGIT ..., hyphen ..., period ..., underscore ..., or tilde ... should not be created by URI
// producers and, when found in a URI, should be decoded to their corresponding unreserved characters by URI normalizers."
// https://www.rfc-editor.org/rfc/rfc3986#section-2.3
func decodeUnreserved(s string, allowed func(byte) bool) (string, bool) {
	// Fast path: nothing is encoded.
	i := 0
	for ; i < len(s) && s[i] != '%'; i++ {
		if s[i] <= ' ' || s[i] >= 0x7f || !allowed(s[i]) {
			return "", false
		}
	}
	if i == len(s) {
		return s, true
	}
	b := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f || !allowed(c) {
			return "", false
		}
		if c != '%' {
			b = append(b, c)
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hi, ok := unhex(s[i+1])
		lo, ok2 := unhex(s[i+2])
		v := hi<<4 | lo
		if !ok || !ok2 || v == 0 {
			return "", false
		}
		if i += 2; unreserved(v) {
			b = append(b, v)
		} else {
			b = append(b, '%', "0123456789ABCDEF"[hi], "0123456789ABCDEF"[lo])
		}
	}
	return string(b), true
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

func unreserved(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// Host puts an authority without user into lower case and removes the
// scheme's default port; false if it is none.
func Host(h, scheme string) (string, bool) {
	if h == "" || len(h) > 255+6 {
		return "", false
	}
	name, port := h, ""
	if h[0] == '[' {
		end := strings.IndexByte(h, ']')
		if end < 0 {
			return "", false
		}
		if ip, err := netip.ParseAddr(h[1:end]); err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", false
		}
		if name = h[:end+1]; len(h) > end+1 {
			if h[end+1] != ':' {
				return "", false
			}
			port = h[end+1:]
		}
	} else {
		if i := strings.LastIndexByte(h, ':'); i >= 0 {
			name, port = h[:i], h[i:]
		}
		if name == "" || len(name) > 255 {
			return "", false
		}
		for i := range len(name) {
			if c := name[i]; !unreserved(c) || c == '~' {
				return "", false
			}
		}
	}
	for i := 1; i < len(port); i++ {
		if port[i] < '0' || port[i] > '9' || len(port) > 6 {
			return "", false
		}
	}
	if port == ":" || scheme == "http" && port == ":80" || scheme == "https" && port == ":443" {
		port = ""
	}
	return strings.ToLower(name) + port, true
}
