//go:build !wasip1

package wedgetest

import (
	"net/netip"
	"net/url"
	"strings"
)

const maxURL = 8 << 10

// normalPath is the path in the one form that the node knows, false if it has more than one reading.
func normalPath(p string) (string, bool) {
	if !strings.HasPrefix(p, "/") || len(p) > maxURL || strings.ContainsAny(p, `\#?`) {
		return "", false
	}
	p, ok := normalEscapes(p)
	if !ok || strings.Contains(p, "%5C") {
		return "", false
	}
	for seg := range strings.SplitSeq(p[1:], "/") {
		if seg == "." || seg == ".." {
			return "", false
		}
	}
	return p, true
}

func normalQuery(q string) (string, bool) {
	if len(q) > maxURL || strings.Contains(q, "#") {
		return "", false
	}
	return normalEscapes(q)
}

// normalEscapes decodes what need not be encoded and writes the rest in upper case (RFC 3986 §6.2.2); false for a broken escape, NUL, and what is
// not visible ASCII.
func normalEscapes(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f {
			return "", false
		}
		if c != '%' {
			b.WriteByte(c)
			continue
		}
		if i+3 > len(s) {
			return "", false
		}
		escape := s[i : i+3]
		v, err := url.PathUnescape(escape)
		if err != nil || v == "\x00" {
			return "", false
		}
		if isUnreserved(v[0]) {
			b.WriteByte(v[0])
		} else {
			b.WriteString(strings.ToUpper(escape))
		}
		i += 2
	}
	return b.String(), true
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// normalHost is an authority without user, in lower case and without the scheme's default port.
func normalHost(h, scheme string) (string, bool) {
	name, port := h, ""
	if i := strings.LastIndexByte(h, ':'); i >= 0 && !strings.HasSuffix(h, "]") {
		name, port = h[:i], h[i+1:]
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		ip, err := netip.ParseAddr(inner)
		if !ok || err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", false
		}
	} else if name == "" || len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool { return r >= 0x7f || r == '~' || !isUnreserved(byte(r)) }) {
		return "", false
	}
	if len(port) > 5 || strings.Trim(port, "0123456789") != "" {
		return "", false
	}
	if port != "" && !(scheme == "http" && port == "80" || scheme == "https" && port == "443") {
		name += ":" + port
	}
	return strings.ToLower(name), true
}

// hostKey is scheme, host and port of a URL in one form.
func hostKey(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + ":" + port
}
