package main

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	asm "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// loops is a guest made by hand: a loop that adds, and nothing.
func loops() program {
	m := &asm.Module{}
	m.Memory(3, 0)
	// for n > 0 { n--; memory[n<<12] = n }
	m.Func("touch", "i", "I", "", asm.Code(asm.Op(0x02, 0x40, 0x03, 0x40), asm.Get(0), asm.Op(0x45, 0x0d, 1),
		asm.Get(0), asm.I32(1), asm.Op(0x6b), asm.Set(0), asm.Get(0), asm.I32(12), asm.Op(0x74), asm.Get(0), asm.Store32,
		asm.Op(0x0c, 0, 0x0b, 0x0b), asm.I64(1))...)
	m.Func("empty", "i", "I", "", asm.I64(0)...)
	touch := job{"touch", "touch", []uint64{pages}}
	return program{language: "hand", module: m.Bytes(), jobs: []job{touch, touch}, exchange: touch}
}

// The whole of it, on a guest that compiles at once.
func TestRun(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var out strings.Builder
	missed, err := run(&out, []program{loops()}, "", "", 3, 20*time.Microsecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
	for _, row := range []string{"hand            touch ", "hand            mean ", "hand            empty ", "hand               192 KiB ",
		"hook, isolation request ", "reset, hand, 192 KiB ", "reset/fresh, hand, 192 KiB "} {
		if !strings.Contains(out.String(), "\n"+row) {
			t.Errorf("no row %q", row)
		}
	}
	if strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Inf") || strings.Contains(out.String(), "%!") {
		t.Error("a figure is missing")
	}
	if got := strings.Count(out.String(), "missed by"); got != missed {
		t.Errorf("%d targets are missed, %d were counted", got, missed)
	}
}

// A part has its rows and no others.
func TestPart(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	f := func(only string, want ...string) {
		t.Helper()
		var out strings.Builder
		if _, err := run(&out, []program{loops()}, "", only, 2, 20*time.Microsecond); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			if word, _, _ := strings.Cut(line, "."); word == "Metering" || word == "Isolation" || word == "Hooks" {
				got = append(got, word)
			}
		}
		if !slices.Equal(got, want) || strings.Contains(out.String(), "NaN") {
			t.Errorf("%s: %q\n%s", only, got, out.String())
		}
	}
	f("metering", "Metering")
	f("isolation", "Isolation")
	f("hooks", "Hooks")
	if _, err := run(&strings.Builder{}, nil, "", "speed", 1, time.Microsecond); err == nil {
		t.Error("a part that there is not is measured")
	}
}

func TestWant(t *testing.T) {
	f := func(got float64, relation string, target float64, missed int, verdict string) {
		t.Helper()
		var r report
		r.want("it", got, "", relation, target)
		if r.missed != missed || !strings.HasSuffix(r.verdict[0], verdict) {
			t.Errorf("%v %s %v: %q, missed %d", got, relation, target, r.verdict[0], r.missed)
		}
	}
	f(1.1, "<=", 1.1, 0, "ok")
	f(2.2, "<=", 1.1, 1, "missed by 2.00 x")
	f(4, ">=", 4, 0, "ok")
	f(2, ">=", 4, 1, "missed by 2.00 x")
	f(0, "<=", 0, 0, "ok")
}

func TestFigures(t *testing.T) {
	a, b := &cell{samples: []float64{2, 40, 6, 80, 10}}, &cell{samples: []float64{1, 10, 2, 10, 5}}
	if got := ratio(a, b); got != (spread{2, 3, 4}) { // of 2, 4, 3, 8, 2
		t.Errorf("ratio %v", got)
	}
	if got := above(a, b); got != (spread{4, 5, 30}) { // of 1, 30, 4, 70, 5
		t.Errorf("above %v", got)
	}
	if got := geometric([]float64{2, 8}); math.Abs(got-4) > 1e-9 {
		t.Errorf("geometric mean %v", got)
	}
}

// What is done before a call is not measured, and is done before each.
func TestBefore(t *testing.T) {
	var order []string
	spin := func(d time.Duration) {
		for begin := used(); used()-begin < d; {
		}
	}
	c := &cell{times: 3,
		before: func() { order = append(order, "before"); spin(20 * time.Millisecond) },
		do:     func() error { order = append(order, "do"); spin(time.Millisecond); return nil }}
	took, err := c.once()
	if err != nil || took < 3*time.Millisecond || took > 40*time.Millisecond {
		t.Errorf("took %v, %v", took, err)
	}
	if want := []string{"before", "do", "before", "do", "before", "do"}; !slices.Equal(order, want) {
		t.Errorf("order %q", order)
	}
}
