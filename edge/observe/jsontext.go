package observe

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// plain are the bytes that stand for themselves in a string.
var plain = func() (t [256]bool) {
	for c := byte(0x20); c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string (RFC 8259 §7) of valid UTF-8: a byte
// that is no part of a character becomes U+FFFD. At most max bytes of s are
// taken, and a mark follows if that is not all.
func appendString(b []byte, s string, max int) []byte {
	cut := false
	if len(s) > max {
		s, cut = s[:max], true
	}
	b = append(b, '"')
	i := 0
	for i < len(s) && plain[s[i]] {
		i++
	}
	if i == len(s) && !cut {
		// Fast path: most strings stand for themselves.
		b = append(b, s...)
		return append(b, '"')
	}
	start := 0
	for i < len(s) {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				// DEL and control characters would reach the terminal of whoever reads the log.
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
			i++
			start = i
			continue
		}
		if r >= 0x80 && r <= 0x9f || r == 0x2028 || r == 0x2029 {
			b = append(b, s[start:i]...)
			b = append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
			i += n
			start = i
			continue
		}
		i += n
	}
	b = append(b, s[start:]...)
	if cut {
		b = append(b, "…"...)
	}
	return append(b, '"')
}

// appendTime appends a time as RFC 3339 in UTC with milliseconds, in quotes.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, sec := t.Clock()
	b = append(b, '"')
	b = appendDigits(b, year, 4)
	b = append(b, '-')
	b = appendDigits(b, int(month), 2)
	b = append(b, '-')
	b = appendDigits(b, day, 2)
	b = append(b, 'T')
	b = appendDigits(b, hour, 2)
	b = append(b, ':')
	b = appendDigits(b, minute, 2)
	b = append(b, ':')
	b = appendDigits(b, sec, 2)
	b = append(b, '.')
	b = appendDigits(b, t.Nanosecond()/1e6, 3)
	return append(b, 'Z', '"')
}

func appendDigits(b []byte, n, width int) []byte {
	for w := width - 1; w >= 0; w-- {
		div := 1
		for range w {
			div *= 10
		}
		b = append(b, byte('0'+n/div%10))
	}
	return b
}

// appendMicros appends a duration in whole microseconds.
func appendMicros(b []byte, d time.Duration) []byte {
	return appendNumber(b, int64(d/time.Microsecond))
}

// appendNumber appends a decimal number.
func appendNumber(b []byte, n int64) []byte {
	// Fast path: a line has several numbers, most of them short.
	if n < 0 || n > 99999 {
		return strconv.AppendInt(b, n, 10)
	}
	var t [5]byte
	at := len(t)
	for u := uint32(n); ; {
		at--
		t[at] = byte('0' + u%10)
		if u /= 10; u == 0 {
			return append(b, t[at:]...)
		}
	}
}

// A clockText is the text of a second: lines come many to a second.
type clockText struct {
	second int64
	text   [21]byte // a quote, and the time up to its point
}

func newClockText(t time.Time) *clockText {
	c := &clockText{second: t.Unix()}
	var b [32]byte
	copy(c.text[:], appendTime(b[:0], t))
	return c
}

// append appends a time as appendTime does.
// Preconditions: it is in the second of c.
func (c *clockText) append(b []byte, t time.Time) []byte {
	b = append(b, c.text[:]...)
	ms := t.Nanosecond() / 1e6
	return append(b, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z', '"')
}
