package h1

import (
	"encoding/binary"
	"unsafe"
)

// The classes of octets that the grammar of a message distinguishes, one bit
// each, so that a check is one load and one test.
const (
	charToken  = 1 << iota // tchar, RFC 9110 §5.6.2
	charTarget             // what may stand in a request target: no control, no space, no DEL
	charValue              // what may stand in a field value: VCHAR, SP, HTAB, obs-text
	charHost               // unreserved / sub-delims of a reg-name, RFC 3986 §3.2.2; "%" is checked apart
	charHex
	charDigit
)

var chars = func() (t [256]uint8) {
	set := func(class uint8, s string) {
		for i := range len(s) {
			t[s[i]] |= class
		}
	}
	const (
		digits  = "0123456789"
		letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	)
	set(charToken, "!#$%&'*+-.^_`|~"+digits+letters)
	set(charHost, "-._~!$&'()*+,;="+digits+letters)
	set(charHex, digits+"abcdefABCDEF")
	set(charDigit, digits)
	for c := 0x21; c < 256; c++ {
		if c != 0x7f {
			t[c] |= charTarget | charValue
		}
	}
	set(charValue, " \t")
	return t
}()

// all tells whether every octet of b is of the class.
func all(b []byte, class uint8) bool {
	for _, c := range b {
		if chars[c]&class == 0 {
			return false
		}
	}
	return true
}

// validValue tells whether b may be a field value: no control character but
// HTAB (RFC 9110 §5.5).
func validValue(b []byte) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	// Fast path: eight octets at once, exact for "is there one below 0x20 or
	// equal to 0x7f"; HTAB is below 0x20 and goes the slow way.
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		del := w ^ 0x7f*ones
		if ((w-0x20*ones)&^w|(del-ones)&^del)&high != 0 && !all(b[:8], charValue) {
			return false
		}
		b = b[8:]
	}
	return all(b, charValue)
}

// view is b as a string without a copy: it changes when b does.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// foldEqual compares ASCII without regard to case; lower is in lower case.
func foldEqual(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// trimOWS removes optional whitespace (RFC 9110 §5.6.3) at both ends.
func trimOWS(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// nextElement cuts the first element off a comma-separated list.
func nextElement(list string) (element, rest string, more bool) {
	for i := range len(list) {
		if list[i] == ',' {
			return trimOWS(list[:i]), list[i+1:], true
		}
	}
	return trimOWS(list), "", false
}
