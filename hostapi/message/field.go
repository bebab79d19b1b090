package message

import (
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Bounds of a head that guests build.
const (
	MaxHead   = 64 << 10 // bytes, as Header.Size counts
	MaxFields = 512      // lines
)

// Reserved tells of a field that belongs to the node, because it speaks of one
// connection, frames a message, or is how the node counts and tells time.
func Reserved(k exchange.Known) bool {
	switch k {
	case exchange.Connection, exchange.TransferEncoding, exchange.ContentLength, exchange.Trailer, exchange.Date, exchange.Age, exchange.CDNLoop,
		exchange.KeepAlive, exchange.ProxyConnection, exchange.ProxyAuthenticate, exchange.ProxyAuthorization, exchange.TE, exchange.Upgrade,
		exchange.Host, exchange.Expect:
		return true
	}
	return false
}

// Digest tells of a field that holds a hash of the content.
func Digest(name string) bool {
	for _, d := range [...]string{"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"} {
		if len(d) == len(name) && strings.EqualFold(d, name) {
			return true
		}
	}
	return false
}

// Token follows RFC 9110 §5.6.2:
//
// "token = 1*tchar"
// https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2-2
func Token(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		if !tchar[s[i]] {
			return false
		}
	}
	return true
}

var tchar = func() (t [256]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		t[c] = true
	}
	return t
}()

// FieldValue refuses what could end a field line or smuggle another, and
// white space at the ends, which is no part of a value.
//
// "Field values containing CR, LF, or NUL characters are invalid and dangerous"
// https://www.rfc-editor.org/rfc/rfc9110#section-5.5-5
func FieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return s == "" || s[0] > ' ' && s[len(s)-1] > ' '
}
