package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// The rules of the queues, as a story: "a" puts an object of that name, "a!"
// uses it, "-" evicts, and what is evicted is the answer.
func TestQueues(t *testing.T) {
	f := func(story, want string) {
		t.Helper()
		q := queues[struct{}]{ghosts: newGhosts(0)}
		objects := map[string]*Object[struct{}]{}
		var gone []string
		for _, word := range strings.Fields(story) {
			name, used := strings.CutSuffix(word, "!")
			switch {
			case word == "-":
				o := q.evict()
				if o == nil {
					gone = append(gone, "none")
					continue
				}
				gone = append(gone, string(o.Key[:1]))
			case used:
				objects[name].use()
			default:
				o := &Object[struct{}]{Key: Key{name[0]}, Content: Elsewhere(1), cost: 2 << 10}
				objects[name] = o
				q.add(o, outside)
			}
		}
		if got := strings.Join(gone, " "); got != want {
			t.Errorf("%s: evicted %s, want %s", story, got, want)
		}
	}
	f("-", "none")
	f("a b c - - - -", "a b c none")               // first in, first out
	f("a b c a! - - -", "b c a")                   // what was used goes last
	f("a b c a! b! - - -", "c a b")                // in the order in which it came
	f("a b a! - - a b -  -", "b a a b")            // a went from the main queue: its name is not kept
	f("a b c b! - - c! a d d! - - -", "a c b a d") // b is in the main queue; a came back into it behind b, and d came last
	f("a a! a! a! b - c - a! d - - -", "b c d a none")
}

// A name is remembered for as many bytes as it is told, and no longer.
func TestGhosts(t *testing.T) {
	f := func(between int64, n int, within int64, want bool) {
		t.Helper()
		g := newGhosts(64 << 20)
		g.add(Key{1}, Key{2}, 4<<10)
		for i := range n {
			g.add(Key{3, byte(i), byte(i >> 8)}, Key{}, between)
		}
		if g.take(Key{1}, Key{3}, math.MaxInt64) {
			t.Error("another variant is remembered")
		}
		if got := g.take(Key{1}, Key{2}, within); got != want {
			t.Errorf("after %d times %d bytes, within %d: remembered %t", n, between, within, got)
		}
		if g.take(Key{1}, Key{2}, math.MaxInt64) {
			t.Error("a name is taken twice")
		}
	}
	f(0, 0, 0, true)
	f(4<<10, 100, 400<<10, true)
	f(4<<10, 101, 400<<10, false)
	f(1<<40, 3, 1<<41, false)
	f(1<<20, 1000, 1000<<20, true)
}

// Most names are found again while the table is half full, and hardly any that
// was never there.
func TestGhostsAreFewFalse(t *testing.T) {
	g := newGhosts(32 << 20)
	r := rand.New(rand.NewPCG(7, 7))
	name := func() (k Key) {
		for i := range k {
			k[i] = byte(r.Uint32())
		}
		return k
	}
	names := make([]Key, len(g.slots)/2)
	for i := range names {
		names[i] = name()
		g.add(names[i], Key{}, 1<<10)
	}
	found, wrong := 0, 0
	for _, k := range names {
		if g.take(name(), Key{}, math.MaxInt64) {
			wrong++
		}
		if g.take(k, Key{}, math.MaxInt64) {
			found++
		}
	}
	if found < len(names)*8/10 || wrong > 2 {
		t.Errorf("of %d names %d are known, and %d that were not there", len(names), found, wrong)
	}
}

// What is asked for again and again stays while a scan of twice the room passes;
// bodies of all sizes give way to each other by bytes.
func TestScanOfBodies(t *testing.T) {
	gone := map[Cause]int{}
	s := New(Options[note]{Bodies: 8 << 20, Index: 1 << 20, Gone: func(_ *Object[note], c Cause) { gone[c]++ }})
	const hot = 200
	size := func(i uint64) int { return 1 + int(i*7919%40_000) }
	hits, asked := 0, 0
	for i := range uint64(2500) {
		put(t, s, key(1000+i), Key{}, i, size(i))
		k := i % hot
		if i > hot {
			asked++
		}
		if o := s.Find(key(k)).Object(Key{}); o != nil {
			if b, ok := s.Open(o); ok {
				b.Close()
				hits++
				continue
			}
		}
		put(t, s, key(k), Key{}, k, size(k))
	}
	if hits < asked*9/10 {
		t.Errorf("%d of %d requests for the hot ones were hits", hits, asked)
	}
	if st := s.Stats(); st.BodyBytes > st.BodyLimit || st.Writing != 0 || gone[Lost] != 0 || gone[Evicted] == 0 {
		t.Errorf("%+v; gone: %v", st, fmt.Sprint(gone))
	}
}
