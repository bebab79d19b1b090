package cases_test

import (
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/cases"
)

// passes is a function that lets every request pass.
const passes = "\x00asm\x01\x00\x00\x00" + "\x01\x08\x02\x60\x00\x00\x60\x00\x01\x7f" + "\x03\x03\x02\x00\x01" + "\x07\x1d\x02\x0cwedge_abi_v1\x00\x00\x0aon_request\x00\x01" + "\x0a\x09\x02\x02\x00\x0b\x04\x00\x41\x00\x0b"

// All that comes is held in memory until the end: a conversation that asks for much again and again has one.
func TestRunsAreBounded(t *testing.T) {
	const request = "-- request --\nGET http://shop.example/\n"
	f := func(requests int, want string) {
		t.Helper()
		c, err := cases.Parse("-- origin --\n200\n\n" + strings.Repeat("a", 8<<20) + "\n" + strings.Repeat(request, requests))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Run(t.Context(), cases.Options{Name: "f", Module: []byte(passes)})
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d requests: %v, want %q", requests, err, want)
		}
	}
	f(7, "")
	f(20, "the request in line 19: what came so far has more than 64 MiB")
}
