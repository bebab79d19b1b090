package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	f := func(err error, wantCode int, want string) {
		t.Helper()
		var stderr strings.Builder
		c := &command{stderr: &stderr}
		if code := c.report(err); code != wantCode || stderr.String() != want {
			t.Errorf("report(%v) = %d, %q; want %d, %q", err, code, stderr.String(), wantCode, want)
		}
	}
	plain := errors.New("the node did not answer")
	f(nil, exitOK, "")
	f(plain, exitFailed, "wedge: error: the node did not answer\n")
	f(hint(plain, "is it running on %s", "127.0.0.1:9070"), exitFailed,
		"wedge: error: the node did not answer\nwedge: hint: is it running on 127.0.0.1:9070\n")
	f(usage(plain), exitUsage, "wedge: error: the node did not answer\n")
	f(hint(usage(plain), "next"), exitUsage, "wedge: error: the node did not answer\nwedge: hint: next\n")
	f(fmt.Errorf("purge: %w", hint(usage(plain), "next")), exitUsage,
		"wedge: error: purge: the node did not answer\nwedge: hint: next\n")
}
