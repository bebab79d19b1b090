package h1

import (
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// checkHost finds the authority of the target URI and puts it into r.Host.
func checkHost(r *exchange.Request) *fault {
	h := &r.Header
	host := h.Value(exchange.Host)
	switch n := h.Count(exchange.Host); {
	case n > 1, n == 1 && host != "" && !validAuthority(host):
		return faultHost
	case n == 0 && r.Proto != exchange.HTTP10:
		// "A server MUST respond with a 400 (Bad Request) status code to any
		// HTTP/1.1 request message that lacks a Host header field and to any
		// request message that contains more than one Host header field line
		// or a Host header field with an invalid field value."
		// https://www.rfc-editor.org/rfc/rfc9112#section-3.2
		return faultHost
	}
	target := r.Target
	switch {
	case r.Method == "CONNECT":
		// "the authority-form of request-target is only used for CONNECT
		// requests": uri-host ":" port
		// https://www.rfc-editor.org/rfc/rfc9112#section-3.2.3
		if i := strings.LastIndexByte(target, ':'); i <= 0 || i == len(target)-1 || !validAuthority(target) {
			return faultTarget
		}
		r.Host = target
		return nil
	case target[0] == '/': // origin-form
	case target == "*":
		// "the asterisk-form of request-target is only used for a server-wide
		// OPTIONS request"
		// https://www.rfc-editor.org/rfc/rfc9112#section-3.2.4
		if r.Method != "OPTIONS" {
			return faultTarget
		}
	default:
		// "When an origin server receives a request with an absolute-form of
		// request-target, the origin server MUST ignore the received Host
		// header field (if any) and instead use the host information of the
		// request-target."
		// https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
		authority, ok := absoluteAuthority(target)
		// "[…] A recipient that processes such a URI reference MUST reject it
		// as invalid" (an http URI with an empty host identifier)
		// https://www.rfc-editor.org/rfc/rfc9110#section-4.2.1
		// "[…] a recipient SHOULD parse for userinfo and treat its presence as
		// an error" https://www.rfc-editor.org/rfc/rfc9110#section-4.2.4
		if !ok || !validAuthority(authority) {
			return faultTarget
		}
		r.Host = authority
		return nil
	}
	if host == "" && r.Proto != exchange.HTTP10 && target != "*" {
		// Origin-form in http always has an authority, and that one a host.
		return faultHost
	}
	r.Host = host
	return nil
}

// absoluteAuthority cuts the authority out of an http or https URI.
func absoluteAuthority(target string) (string, bool) {
	i := strings.Index(target, "://")
	if i < 0 || !foldEqual(target[:i], "http") && !foldEqual(target[:i], "https") {
		return "", false
	}
	rest := target[i+3:]
	if j := strings.IndexAny(rest, "/?#"); j >= 0 {
		rest = rest[:j]
	}
	return rest, true
}

// validAuthority checks uri-host [ ":" port ] (RFC 9110 §7.2) without a
// userinfo: a name of RFC 3986's reg-name, or an IP literal in brackets.
func validAuthority(s string) bool {
	if s == "" {
		return false
	}
	port := ""
	if s[0] == '[' {
		end := strings.IndexByte(s, ']')
		if end < 3 || !validLiteral(s[1:end]) {
			return false
		}
		if port = s[end+1:]; port == "" {
			return true
		}
		if port[0] != ':' {
			return false
		}
		return validPort(port[1:])
	}
	if i := strings.IndexByte(s, ':'); i >= 0 {
		if !validPort(s[i+1:]) {
			return false
		}
		s = s[:i]
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if i+2 >= len(s) || chars[s[i+1]]&chars[s[i+2]]&charHex == 0 {
				return false
			}
			i += 2
		} else if chars[s[i]]&charHost == 0 {
			return false
		}
	}
	return s != ""
}

// validLiteral checks the octets of an IP literal. Whether they make an
// address is asked by whoever needs one.
func validLiteral(s string) bool {
	for i := range len(s) {
		if chars[s[i]]&charHex == 0 && s[i] != ':' && s[i] != '.' {
			return false
		}
	}
	return strings.IndexByte(s, ':') >= 0
}

func validPort(s string) bool {
	if len(s) > 5 {
		return false
	}
	n := 0
	for i := range len(s) {
		if chars[s[i]]&charDigit == 0 {
			return false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n <= 65535
}
