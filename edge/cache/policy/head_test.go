package policy

import "testing"

// "...if the stored response and HEAD response have matching values for any
// received validator fields (ETag and Last-Modified) and, if the HEAD response
// has a Content-Length header field, the value of Content-Length matches".
// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.5
func TestDescribes(t *testing.T) {
	type l = []string
	f := func(want string, stored, head l, size, length int64) {
		t.Helper()
		same, certain := Describes(fields(stored...), fields(head...), size, length)
		got := "no"
		if same {
			got = map[bool]string{true: "yes", false: "perhaps"}[certain]
		}
		if got != want {
			t.Errorf("%q of %d and %q of %d: got %v", stored, size, head, length, got)
		}
	}
	f("perhaps", l{}, l{}, 5, 5)
	f("perhaps", l{}, l{}, 5, -1)
	f("no", l{}, l{}, 5, 6)
	f("yes", l{`ETag: "1"`, lm}, l{`ETag: "1"`, lm}, 5, 5)
	f("perhaps", l{`ETag: "1"`, lm}, l{}, 5, 5)
	f("no", l{`ETag: "1"`}, l{`ETag: "2"`}, 5, 5)
	f("no", l{`ETag: "1"`}, l{`ETag: W/"1"`}, 5, 5)
	f("no", l{}, l{`ETag: "1"`}, 5, 5)
	f("no", l{`ETag: "1"`, lm}, l{`ETag: "1"`, "Last-Modified: Thu, 13 Aug 2026 12:00:01 GMT"}, 5, 5)
	f("no", l{"Content-Encoding: gzip"}, l{}, 5, 5)
}
