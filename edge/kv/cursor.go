package kv

import "encoding/base64"

// A cursor is the last key of a page in URL-safe base64, behind a byte that tells its form. The next page begins
// behind that key, whether or not the key is still there: entries that come and go move no others.
const (
	cursorForm = 1
	maxCursor  = (1 + MaxKey + 2) / 3 * 4
)

func encodeCursor(key []byte) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{cursorForm}, key...))
}

// decodeCursor returns the key that a cursor names. It accepts what encodeCursor makes and nothing else.
func decodeCursor(s string) ([]byte, error) {
	if len(s) > maxCursor {
		return nil, invalidf("kv: cursor has %d bytes: begin again without one", len(s))
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < 2 || b[0] != cursorForm || checkKey(b[1:]) != nil || encodeCursor(b[1:]) != s {
		return nil, invalidf("kv: cursor %.40q is none of ours: begin again without one", s)
	}
	return b[1:], nil
}
