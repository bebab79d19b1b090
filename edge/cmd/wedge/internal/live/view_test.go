package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/node"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.Local)

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

func seen(id, url string, status int, outcome string, calls ...node.SeenCall) *node.Seen {
	return &node.Seen{ID: id, Time: noon, Method: "GET", URL: "http://127.0.0.1:7676" + url, Status: status, Took: 1234 * time.Microsecond, Outcome: outcome, Calls: calls}
}

func line(id, level, message string) admin.LogLine {
	return admin.LogLine{Time: noon, Request: id, Level: level, Message: message}
}

var call = node.SeenCall{Function: "greet", Hook: "on_request", Fuel: 1234567, HostCalls: 1, CPU: time.Millisecond, Wall: 2 * time.Millisecond}

// failure is one whose places are known.
func failure(id, kind, message string, stack ...admin.GuestFrame) *node.Failure {
	return node.NewFailure(admin.FunctionFailure{
		Last: noon, Request: id, Version: "v1", During: "on_request", Kind: kind, Message: message, LastHostCall: "wedge.kv_get",
		Budgets: []admin.BudgetSpent{{Budget: "cpu", Text: "cpu 1ms of 50ms"}, {Budget: "fuel", Text: "fuel 12"}},
	}, func() []admin.GuestFrame { return stack })
}

func source(_, file string) []string {
	if file != "main.c" && file != "src/lib.rs" {
		return nil
	}
	return []string{"one", "\ttwo", "three  ", "four", "five", "six"}
}

func mapped(version string, offset int) (string, int, int, bool) {
	return "main.c", offset, 2, version == "v1" && offset < 100
}

// show gives what a view writes of events.
func show(o Options, events ...any) string {
	var out bytes.Buffer
	o.Out, o.Source, o.Place = &out, source, mapped
	v := New(o)
	for _, e := range events {
		switch e := e.(type) {
		case *node.Seen:
			v.Seen(e)
		case admin.LogLine:
			v.Line(e)
		case *node.Failure:
			v.Failed(e)
		case Told:
			v.Tell(e)
		case time.Duration:
			<-time.After(e) // in a bubble
		}
	}
	if err := v.Close(); err != nil {
		return err.Error()
	}
	return out.String()
}

func events() []any {
	failed := call
	failed.Failed = "function-trap"
	keyed := seen("3", "/a?b=c", 200, "miss", call)
	keyed.Stored, keyed.Key = true, "+variant=b"
	away := seen("4", "/", 503, "failed")
	away.URL, away.Reason, away.Error = "http://shop.example/", "origin-connect", "origin: connect: refused"
	bad := seen("5", "/\x1b[2J", 404, "pass")
	bad.Reason = "method"
	return []any{
		Told{Event: "ready", Text: "greet answers\n\ton tabs"},
		seen("1", "/hello", 200, "answered", call),
		seen("2", "/other", 200, "hit", call, node.SeenCall{Hook: "on_response", Fuel: 5, HostCalls: 2}),
		line("3", "info", "two\nlines\t\x1b[2J"),
		line("other", "warn", "its exchange lasts"),
		keyed, away, bad,
		line("", "error", "of no exchange"),
		line("6", "error", "panicked at src/lib.rs:5:1"),
		failure("6", "unreachable", "unreachable", admin.GuestFrame{Function: "_ZN4core9panicking9panic_fmt17h9ec1c8305a7da9aeE", File: "/usr/core.rs", Line: 7}, admin.GuestFrame{Function: "on_request", Offset: 255}),
		seen("6", "/trap", 500, "failed", failed),
		failure("7", "out_of_bounds", "out of bounds", admin.GuestFrame{Function: "deep", Offset: 3}, admin.GuestFrame{Function: "on_request", File: "main.c", Line: 1}),
		seen("7", "/trap", 500, "failed", failed),
		failure("8", "out_of_bounds", "out of bounds", admin.GuestFrame{Function: "deep", Offset: 3}, admin.GuestFrame{Function: "on_request", File: "main.c", Line: 1}),
		seen("8", "/trap", 500, "failed", failed),
		line("9", "info", "before"),
		line("9", "error", "on_request: read settings: invalid argument"),
		failure("9", "other", "the hook returned 2"),
		seen("9", "/json", 500, "failed", failed),
		failure("", "budget", "cpu budget spent: limit 50ms"),
		Told{Event: "built", Text: "again", More: map[string]int{"size": 3}},
		failure("10", "out_of_bounds", "out of bounds", admin.GuestFrame{Function: "deep", Offset: 3}),
		seen("10", "/trap", 500, "failed", failed),
	}
}

func TestText(t *testing.T)   { golden(t, "text.txt", show(Options{}, events()...)) }
func TestColors(t *testing.T) { golden(t, "colors.txt", show(Options{Colors: true}, events()...)) }

// Each line is an object with what it is.
func TestJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := show(Options{JSON: true}, events()...)
		for line := range strings.Lines(got) {
			var e struct{ Event string }
			if err := json.Unmarshal([]byte(line), &e); err != nil || e.Event == "" {
				t.Errorf("%v: %s", err, line)
			}
		}
		golden(t, "events.json", strings.ReplaceAll(got, noon.UTC().Format(time.RFC3339), "NOON"))
	})
}

// What belongs to an exchange that lasts is shown after a while, with its id.
func TestLongExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := show(Options{}, line("a", "info", "one"), 2*time.Second, line("a", "info", "two"), seen("a", "/", 200, "miss"))
		if want := "  a info: one\n12:00:00 GET / 200 miss 1.2 ms\n  info: two\n"; got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

// A flood is counted, and what comes after it is shown again.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []any
		failed := call
		failed.Failed = "function-trap"
		for i := range 5000 {
			id := fmt.Sprint(i)
			all = append(all, line(id, "info", "x"))
			if i%2 == 0 {
				all = append(all, seen(id, "/", 200, "hit"))
			} else {
				all = append(all, seen(id, "/", 500, "failed", failed))
			}
			if i%100 == 99 {
				all = append(all, 20*time.Millisecond) // so that the view can follow
			}
		}
		all = append(all, 3*time.Second, seen("last", "/last", 200, "hit"))
		got := show(Options{Burst: 10, Rate: 10}, all...)
		if n := strings.Count(got, "\n"); n > 60 || !strings.Contains(got, "/last") || !strings.Contains(got, "more exchanges in") || !strings.Contains(got, "the function failed in") {
			t.Errorf("%d lines:\n%s", n, got)
		}
		shown, more := 0, 0
		for l := range strings.Lines(got) {
			if strings.Contains(l, "GET /") {
				shown++
			} else if number, _, ok := strings.Cut(strings.TrimPrefix(l, "  … "), " more exchanges"); ok {
				var n int
				fmt.Sscan(strings.ReplaceAll(number, " ", ""), &n)
				more += n
			}
		}
		if shown+more != 5001 {
			t.Errorf("%d exchanges shown and %d counted, of 5001:\n%s", shown, more, got)
		}
	})
}

// A terminal that takes nothing holds nobody up: what finds no room is counted.
func TestSlowTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &blocked{open: make(chan struct{})}
		v := New(Options{Out: out, JSON: true})
		v.Seen(seen("0", "/", 200, "hit"))
		synctest.Wait()
		for i := range 10 * queued {
			v.Seen(seen(fmt.Sprint(i), "/", 200, "hit"))
		}
		close(out.open)
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		v.Seen(seen("late", "/", 200, "hit"))
		v.Tell(Told{Text: "late"})
		if n := strings.Count(out.text.String(), `"exchange"`); n != queued+1 || !strings.Contains(out.text.String(), `"events":`+fmt.Sprint(9*queued)) {
			t.Errorf("%d exchanges were written:\n%s", n, out.text.String()[max(0, out.text.Len()-300):])
		}
	})
}

type blocked struct {
	text bytes.Buffer
	open chan struct{}
}

func (b *blocked) Write(p []byte) (int, error) {
	<-b.open
	return b.text.Write(p)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	v := New(Options{Out: full{}})
	v.Tell(Told{Text: "a"})
	v.Tell(Told{Text: "b"})
	if err := v.Close(); err == nil || err.Error() != "disk full" {
		t.Errorf("error %v", err)
	}
}

func TestHammerView(t *testing.T) {
	var out bytes.Buffer
	v := New(Options{Out: &out, Source: source})
	var all sync.WaitGroup
	end := time.Now().Add(100 * time.Millisecond)
	for p := range 4 {
		all.Go(func() {
			for i := 0; i < 100 || time.Now().Before(end); i++ { // however busy the machine is
				id := fmt.Sprint(p, i)
				v.Line(line(id, "info", "x"))
				v.Failed(failure(id, "unreachable", "unreachable"))
				v.Seen(seen(id, "/", 500, "failed"))
				if i%64 == 0 {
					v.Tell(Told{Text: "told"})
				}
			}
		})
	}
	all.Wait()
	if err := v.Close(); err != nil || out.Len() == 0 {
		t.Errorf("%d bytes, error %v", out.Len(), err)
	}
}

func TestDemangled(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		if got := demangled(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	f("on_request", "on_request")
	f("_ZN4core9panicking9panic_fmt17h9ec1c8305a7da9aeE", "core::panicking::panic_fmt")
	f("_ZN3std9panicking19begin_panic_handler28_$u7b$$u7b$closure$u7d$$u7d$17h106d97be21bfe094E", "std::panicking::begin_panic_handler::{{closure}}")
	f("_ZN4core3ops8function6FnOnce40call_once$u7b$$u7b$vtable.shim$u7d$$u7d$17h0123456789abcdefE", "core::ops::function::FnOnce::call_once{{vtable.shim}}")
	f("_ZN38_$LT$A$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE", "<A as core::fmt::Debug>::fmt")
	f("_ZN", "_ZN")
	f("_ZNE", "_ZNE")
	f("_ZN99999999999999999999aE", "_ZN99999999999999999999aE")
	f("_ZN9abcE", "_ZN9abcE")
	f("_ZN3abc", "_ZN3abc")
	f("_ZN0E", "_ZN0E")
}

// Numbers of functions tell nothing, unless there are few of them or something beside them.
func TestNamelessStack(t *testing.T) {
	f := func(want string, stack ...admin.GuestFrame) {
		t.Helper()
		if got := stackText(stack); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	nameless := []admin.GuestFrame{{Function: "$1"}, {Function: "$22"}, {Function: "$3"}, {Function: "$4"}}
	f("  4 frames, all without a name\n", nameless...)
	f("  $1\n  $22\n  $3\n", nameless[:3]...)
	f("  $1\n  $22\n  $3\n  $4\n  main\n", append(nameless[:4:4], admin.GuestFrame{Function: "main"})...)
	f("  $1\n  $22\n  $3\n  $4   main.c:7\n", append(nameless[:3:3], admin.GuestFrame{Function: "$4", File: "main.c", Line: 7})...)
	f("")
}
