package policy

import (
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// TestHitAllocatesNothing runs what a hit runs.
func TestHitAllocatesNothing(t *testing.T) {
	x := asked("Accept: text/html, */*;q=0.8", "Accept-Encoding: gzip, BR", "Accept-Language: de, en;q=0.5", "Cookie: a=1", "Cache-Control: max-age=600, min-fresh=5", `If-None-Match: "a", "b"`,
		"If-Modified-Since: "+stamp(0), "Range: bytes=0-99", `If-Range: "c"`)
	resp := fields("Date: "+stamp(0), `ETag: "c"`, "Last-Modified: "+stamp(-time.Hour), "Cache-Control: public, max-age=3600")
	names := []string{"accept-encoding", "accept-language", "x-absent"}
	r, facts := &Rules{}, factsAt(10*time.Second, time.Hour, ForAuthorized)
	var room [512]byte
	n := testing.AllocsPerRun(100, func() {
		a := Request(x, r)
		variant := AppendVariant(room[:0], names, &x.Request.Header, r)
		state, _ := facts.Use(&a, noon)
		if a.Pass != exchange.ReasonNone || state != Fresh || len(variant) == 0 {
			t.Fatalf("this is no hit: %+v, %d", a, state)
		}
		if Conditional(&x.Request.Header, "GET", resp, noon) != Proceed || !RangeApplies(&x.Request.Header, resp) {
			t.Fatal("the range must apply")
		}
		if rg, kind := ParseRange(x.Request.Header.Value(exchange.Range), 1000); kind != Satisfiable || len(rg.AppendContentRange(room[:0], 1000)) == 0 {
			t.Fatal("the range must be satisfiable")
		}
		if facts.AgeSeconds(noon) != 10 {
			t.Fatal("the age is wrong")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkHit(b *testing.B) {
	x := asked("Accept: text/html, */*;q=0.8", "Accept-Encoding: gzip, br", "Accept-Language: de, en;q=0.5", "Cookie: a=1", "User-Agent: x")
	names := []string{"accept-encoding"}
	r, facts := &Rules{}, factsAt(10*time.Second, time.Hour, 0)
	var room [512]byte
	b.ReportAllocs()
	for b.Loop() {
		a := Request(x, r)
		_ = AppendVariant(room[:0], names, &x.Request.Header, r)
		if state, _ := facts.Use(&a, noon); state != Fresh {
			b.Fatal("this is no hit")
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	c := respond(200, "Cache-Control: public, max-age=3600, stale-while-revalidate=60", "Vary: Accept-Encoding", `ETag: "a"`, lm).with("Accept-Encoding: gzip")
	b.ReportAllocs()
	for b.Loop() {
		if !c.judge().Store {
			b.Fatal("must be stored")
		}
	}
}
