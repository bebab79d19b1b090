package route

import (
	"net/netip"
	"strings"
)

// Authority puts a Host field's value into normal form: lower case, without a
// dot at its end, without the scheme's default port. User information, an
// empty host, an invalid port or address and characters that no host name has
// are ErrAuthority. A name outside ASCII must come in its ASCII form (IDNA).
func Authority(host, scheme string) (string, error) {
	// Fast path: most hosts are in normal form.
	if isName(host) {
		return host, nil
	}
	name, port := host, ""
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return "", ErrAuthority
		}
		port = host[end+1:]
		a, err := netip.ParseAddr(host[1:end])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", ErrAuthority
		}
		if port != "" && port[0] != ':' {
			return "", ErrAuthority
		}
		port = strings.TrimPrefix(port, ":")
		name = "[" + a.String() + "]"
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		name, port = host[:i], host[i+1:]
	}
	upper := false
	if name == "" || len(name) > 255 {
		return "", ErrAuthority
	}
	if name[0] != '[' {
		for i := 0; i < len(name); i++ {
			switch c := name[i]; {
			case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			case 'A' <= c && c <= 'Z':
				upper = true
			default:
				return "", ErrAuthority
			}
		}
		name = strings.TrimSuffix(name, ".")
		if name == "" || name[0] == '.' || strings.Contains(name, "..") {
			return "", ErrAuthority
		}
	}
	if len(port) > 5 {
		return "", ErrAuthority
	}
	n := 0
	for i := 0; i < len(port); i++ {
		if port[i] < '0' || port[i] > '9' {
			return "", ErrAuthority
		}
		n = n*10 + int(port[i]-'0')
	}
	if n > 65535 {
		return "", ErrAuthority
	}
	if upper {
		name = strings.ToLower(name)
	}
	// "...the port component can be omitted along with its ':' delimiter if port
	// is empty or if its value would be the same as that of the scheme's default."
	// https://www.rfc-editor.org/rfc/rfc3986#section-3.2.3
	if port == "" || scheme == "http" && n == 80 || scheme == "https" && n == 443 {
		return name, nil
	}
	if len(name)+1+len(port) == len(host) && !upper && host[:len(name)] == name {
		return host, nil
	}
	return name + ":" + port, nil
}

// nameChars are the characters of a host name in normal form.
var nameChars = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789-_." {
		t[c] = true
	}
	return t
}()

// isName tells that host is a name in normal form, without a port.
func isName(host string) bool {
	if len(host) == 0 || len(host) > 255 {
		return false
	}
	last := byte('.') // so that no dot stands first, last or beside another
	for i := range len(host) {
		c := host[i]
		if !nameChars[c] || c == '.' && last == '.' {
			return false
		}
		last = c
	}
	return last != '.'
}
