package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/live"
)

// printFailures writes the ways in which a function failed, each as a paragraph:
//
//	failed 3 times, last 2026-11-22 01:02:03, during on_request: unreachable
//	  version 0123456789ab, request 00112233445566778899aabbccddeeff
//	    parse       src/parse.c:12:3
//	    on_request  src/main.c:40:9
//	  last host call: wedge.kv_get
//	  spent: fuel 1200, cpu 1.2ms of 50ms
//	  log: panic: no such key
func printFailures(w io.Writer, list []admin.FunctionFailure) error {
	for _, f := range list {
		var b strings.Builder
		last := timeText(f.Last)
		if f.Count != 1 {
			last = counted(int(f.Count), "time") + ", last " + last
		}
		fmt.Fprintf(&b, "\nfailed %s, during %s: %s\n", last, clean(f.During), clean(f.Message))
		fmt.Fprintf(&b, "  version %s", clean(short(f.Version)))
		if f.Request != "" {
			fmt.Fprintf(&b, ", request %s", clean(f.Request))
		}
		b.WriteByte('\n')
		for line := range strings.Lines(live.Doing(&f)) {
			b.WriteString("  " + line)
		}
		for _, line := range f.Log {
			fmt.Fprintf(&b, "  log: %s\n", clean(line))
		}
		if _, err := io.WriteString(w, b.String()); err != nil {
			return err
		}
	}
	return nil
}
