package observe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func sample() *exchange.Exchange {
	x := exchange.New()
	x.Now = time.Date(2026, 11, 21, 9, 5, 7, 8_000_000, time.UTC)
	x.FirstByte = 400 * time.Microsecond
	x.ID, _ = exchange.ParseID("00112233445566778899aabbccddeeff")
	x.Client.Addr = netip.MustParseAddr("192.0.2.1")
	x.Request.Method, x.Request.Scheme, x.Request.Host, x.Request.Path, x.Request.Proto = "GET", "http", "shop.example", "/a", exchange.HTTP11
	x.Response.Status, x.Sent, x.Outcome = 200, 1024, exchange.Hit
	x.Owner, x.Site = "default", "shop"
	return x
}

func TestLine(t *testing.T) {
	f := func(change func(x *exchange.Exchange), want string) {
		t.Helper()
		x := sample()
		defer x.Release()
		change(x)
		got := string(appendLine(nil, x, 1500*time.Microsecond, newClockText(x.Now)))
		if !json.Valid([]byte(got)) {
			t.Errorf("not JSON: %s", got)
		}
		if got != want+"\n" {
			t.Errorf("got  %swant %s\n", got, want)
		}
	}
	const head = `{"time":"2026-11-21T09:05:07.008Z","id":"00112233445566778899aabbccddeeff","client":"192.0.2.1","method":"GET","scheme":"http","host":"shop.example","path":`
	const mid = `,"proto":"1.1","status":200,"bytes":1024,"us":1500,"first_byte_us":400,"outcome":"hit"`
	const site = `,"owner":"default","site":"shop"`
	f(func(x *exchange.Exchange) {}, head+`"/a"`+mid+site+`}`)
	f(func(x *exchange.Exchange) { x.Request.HasQuery, x.Request.Query = true, `a="b"` }, head+`"/a?a=\"b\""`+mid+site+`}`)
	f(func(x *exchange.Exchange) { x.Request.Path, x.Request.Target = "", "/\x00" }, head+`"/\u0000"`+mid+site+`}`)
	f(func(x *exchange.Exchange) {
		x.Reason, x.Route = exchange.ReasonExpired, "/api/*"
		x.Cache.Forward, x.Cache.ForwardStatus, x.Cache.Stored, x.Cache.Collapsed = exchange.ForwardStale, 304, true, true
		x.Err = errors.New("line\nbreak")
	}, head+`"/a"`+mid+`,"reason":"expired"`+site+`,"route":"/api/*","forward":"stale","origin_status":304,"stored":true,"collapsed":true,"error":"line\nbreak"}`)
	f(func(x *exchange.Exchange) {
		x.Calls = append(x.Calls,
			exchange.Call{Function: "auth", Hook: exchange.OnRequest, Fuel: 1234, CPU: 20 * time.Microsecond, Wall: 30 * time.Microsecond, Answered: true},
			exchange.Call{Function: "ab", Hook: exchange.OnResponse, Failed: exchange.ReasonFunctionTrap})
	}, head+`"/a"`+mid+site+`,"functions":[{"name":"auth","hook":"on_request","fuel":1234,"cpu_us":20,"us":30,"answered":true},{"name":"ab","hook":"on_response","fuel":0,"cpu_us":0,"us":0,"failed":"function-trap"}]}`)
	f(func(x *exchange.Exchange) { x.Site, x.FirstByte = "", 0 }, head+`"/a"`+`,"proto":"1.1","status":200,"bytes":1024,"us":1500,"outcome":"hit"}`)
}

func TestLineAllocatesNothing(t *testing.T) {
	x := sample()
	defer x.Release()
	x.Calls = append(x.Calls, exchange.Call{Function: "auth"})
	b := make([]byte, 0, 4096)
	clock := newClockText(x.Now)
	if n := testing.AllocsPerRun(100, func() { b = appendLine(b[:0], x, time.Millisecond, clock) }); n > 0 {
		t.Errorf("%v allocations a line, want 0", n)
	}
}

func BenchmarkLine(b *testing.B) {
	x := sample()
	buf := make([]byte, 0, 4096)
	clock := newClockText(x.Now)
	b.ReportAllocs()
	for b.Loop() {
		buf = appendLine(buf[:0], x, time.Millisecond, clock)
	}
}

// FuzzString holds our JSON strings against encoding/json.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a", "\x00\x1f\x7f", "\xff\xfe", "\u2028", "\"\\", "ü€😀", "\u0085"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := appendString(nil, s, len(s))
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		var want strings.Builder
		for i := 0; i < len(s); {
			r, n := utf8.DecodeRuneInString(s[i:])
			want.WriteRune(r)
			i += n
		}
		if got != want.String() {
			t.Fatalf("%q reads back as %q", s, got)
		}
		for _, r := range string(b) {
			if r < 0x20 || r == 0x7f || r >= 0x80 && r <= 0x9f {
				t.Fatalf("%q has a control character", b)
			}
		}
	})
}

// A slow writer blocks until it is let go.
type slow struct {
	let chan struct{}
	mu  sync.Mutex
	bytes.Buffer
}

func (s *slow) Write(p []byte) (int, error) {
	<-s.let
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(p)
}

func TestBlockedWriterBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := sample()
		defer x.Release()
		size := len(appendLine(nil, x, 0, newClockText(x.Now)))
		w := &slow{let: make(chan struct{})}
		l := newAccessLog("-", w, 10*size)
		l.Log(x, 0)
		time.Sleep(time.Second) // the writer has taken one line and hangs
		for range 25 {
			l.Log(x, 0)
		}
		if got := l.Dropped(); got != 15 {
			t.Errorf("%d lines dropped, want 15", got)
		}
		close(w.let)
		l.Close(time.Second)
		if got := strings.Count(w.String(), "\n"); got != 11 {
			t.Errorf("%d lines written, want 11", got)
		}
		l.Log(x, 0) // after the end it is dropped, not written and no panic
		if got := l.Dropped(); got != 16 {
			t.Errorf("%d lines dropped, want 16", got)
		}
	})
}

func TestLinesGatherBeforeTheyAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := sample()
		defer x.Release()
		w := &counting{}
		l := newAccessLog("-", w, logBuffer)
		for range 50 {
			l.Log(x, 0)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		l.Close(time.Second)
		if w.writes != 1 || w.lines != 50 {
			t.Errorf("%d lines in %d writes, want 50 in 1", w.lines, w.writes)
		}
	})
}

type counting struct{ writes, lines int }

func (c *counting) Write(p []byte) (int, error) {
	c.writes++
	c.lines += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestFailedWritesAreCounted(t *testing.T) {
	l := newAccessLog("-", broken{}, logBuffer)
	x := sample()
	defer x.Release()
	l.Log(x, 0)
	l.Log(x, 0)
	l.Close(time.Second)
	if got := l.Dropped(); got != 2 {
		t.Errorf("%d lines lost, want 2", got)
	}
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l, err := OpenAccessLog(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := sample()
	defer x.Release()
	l.Log(x, 0)
	for l.written.Load() == 0 {
		runtime.Gosched()
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Log(x, 0)
	l.Log(x, 0)
	l.Close(5 * time.Second)
	for name, want := range map[string]int{path + ".1": 1, path: 2} {
		b, _ := os.ReadFile(name)
		if got := bytes.Count(b, []byte("\n")); got != want {
			t.Errorf("%s has %d lines, want %d", filepath.Base(name), got, want)
		}
	}
	if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o640 {
		t.Errorf("mode %v", fi.Mode())
	}
	if l, err := OpenAccessLog("off", nil); l != nil || err != nil {
		t.Error("a log that is off is a log")
	} else {
		l.Log(x, 0)
		l.Close(0)
		l.Reopen()
	}
	if _, err := OpenAccessLog(filepath.Join(path, "x"), nil); err == nil {
		t.Error("a log in no folder opens")
	}
}

func TestHammerAccessLog(t *testing.T) {
	var w slow
	w.let = make(chan struct{})
	close(w.let)
	l := newAccessLog("-", &w, 64<<10)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			x := sample()
			defer x.Release()
			for range 3000 {
				l.Log(x, time.Second)
			}
		})
	}
	wg.Wait()
	l.Close(5 * time.Second)
	lines := strings.SplitAfter(w.String(), "\n")
	if got := uint64(len(lines)-1) + l.Dropped(); got != 12000 {
		t.Errorf("%d lines written or dropped, want 12000", got)
	}
	for _, s := range lines[:len(lines)-1] {
		if !json.Valid([]byte(s)) {
			t.Fatalf("a torn line: %s", s)
		}
	}
}

func TestFunctionLogs(t *testing.T) {
	var f FunctionLogs
	for i := range 1500 {
		f.Add("o", "auth", LogLine{Message: fmt.Sprint(i + 1)})
	}
	f.Add("other", "auth", LogLine{Message: strings.Repeat("ü", FunctionLine) + "\xff"})
	g := func(owner string, cursor uint64, n int, first, last string, next uint64) {
		t.Helper()
		lines, c := f.After(owner, "auth", cursor, n)
		var a, b string
		if len(lines) > 0 {
			a, b = lines[0].Message, lines[len(lines)-1].Message
		}
		if a != first || b != last || c != next {
			t.Errorf("After(%s, %d, %d): %q to %q, next %d; want %q to %q, %d", owner, cursor, n, a, b, c, first, last, next)
		}
	}
	g("o", 0, 10, "1491", "1500", 1500)
	g("o", 0, 5000, "501", "1500", 1500)
	g("o", 1, 2, "501", "502", 502) // the cursor has fallen out
	g("o", 1498, 10, "1499", "1500", 1500)
	g("o", 1500, 10, "", "", 1500)
	g("o", 0, 0, "", "", 0)
	g("nobody", 7, 10, "", "", 7)
	lines, _ := f.After("other", "auth", 0, 1)
	if m := lines[0].Message; !utf8.ValidString(m) || len(m) > FunctionLine+len("…") {
		t.Errorf("a long line is kept as %d bytes, valid UTF-8 %v", len(m), utf8.ValidString(m))
	}
	for range FunctionLines {
		f.Add("o", "large", LogLine{Message: strings.Repeat("x", FunctionLine)})
	}
	if l := f.of("o", "large", false); l.bytes > functionBytes || len(l.lines) != functionBytes/FunctionLine {
		t.Errorf("%d bytes in %d lines are kept", l.bytes, len(l.lines))
	}
}

func TestHammerFunctionLogs(t *testing.T) {
	var f FunctionLogs
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			var cursor uint64
			for j := range 500 {
				f.Add("o", fmt.Sprint(j%3), LogLine{Message: fmt.Sprint(i)})
				_, cursor = f.After("o", "1", cursor, 10)
			}
		})
	}
	wg.Wait()
}

func TestObserver(t *testing.T) {
	var log bytes.Buffer
	o := &Observer{Metrics: NewMetrics("v1"), Functions: &FunctionLogs{}, Log: slog.New(slog.NewTextHandler(&log, nil))}
	x := sample()
	defer x.Release()
	o.Ended(x, time.Second)
	o.Fetched(x, time.Second)
	o.Bug(x, "BUG: boom", []byte("stack of it"))
	o.Bug(nil, "BUG: boom", nil)
	o.Called("default", "auth", strings.Repeat("ab", 32), x.ID, &exchange.Call{Hook: exchange.OnFetch, Failed: exchange.ReasonFunctionTrap}, errors.New("unreachable"))
	o.Called("default", "auth", "", x.ID, &exchange.Call{}, nil)
	for _, want := range []string{"BUG: boom", "stack of it", x.ID.String()} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, &log)
		}
	}
	lines, _ := o.Functions.After("default", "auth", 0, 10)
	if len(lines) != 1 || lines[0].Message != "on_fetch failed (function-trap): unreachable" || lines[0].Version != "abababababab" || lines[0].Request != x.ID.String() {
		t.Errorf("the function's log has %+v", lines)
	}
	if got := value(t, o.Metrics, "wedge_events_total", "event", "bug"); got != 2 {
		t.Errorf("%v bugs counted, want 2", got)
	}
}

func TestClockText(t *testing.T) {
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(0, 999_999_999), time.Unix(1, 1e6), time.Unix(1e9, 5e8), time.Unix(1e9, 0), time.Unix(1e9+1, 0)} {
		if got, want := string(newClockText(at).append(nil, at)), string(appendTime(nil, at)); got != want || got != `"`+at.UTC().Format("2006-01-02T15:04:05.000Z")+`"` {
			t.Errorf("%v: %s, want %s", at, got, want)
		}
	}
}
