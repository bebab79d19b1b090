package policy

import "testing"

// "A cache MUST invalidate the target URI... when it receives a non-error status
// code in response to an unsafe request method (including methods whose safety
// is unknown)." https://www.rfc-editor.org/rfc/rfc9111#section-4.4
func TestInvalidates(t *testing.T) {
	f := func(method string, status int, want bool) {
		t.Helper()
		if got := Invalidates(method, status); got != want {
			t.Errorf("%s %d: got %v", method, status, got)
		}
	}
	for _, m := range [...]string{"POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "QUERY", "get"} {
		f(m, 200, true)
		f(m, 201, true)
		f(m, 204, true)
		f(m, 299, true)
		f(m, 303, true)
		f(m, 399, true)
		f(m, 101, false)
		f(m, 400, false)
		f(m, 404, false)
		f(m, 500, false)
		f(m, 599, false)
	}
	for _, m := range [...]string{"GET", "HEAD", "OPTIONS", "TRACE"} {
		f(m, 200, false)
		f(m, 304, false)
	}
}
