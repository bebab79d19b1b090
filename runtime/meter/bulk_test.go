package meter

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// bulkGuest has each operation on a memory as a function of its operands.
func bulkGuest(segment []byte) sketch {
	three := []any{wasm.LocalGet, byte(0), wasm.LocalGet, byte(1), wasm.LocalGet, byte(2)}
	return sketch{
		memory: []uint32{32, 64},
		data:   [][]byte{segment},
		funcs: []fn{
			{name: "fill", params: "iii", code: append(three[:6:6], wasm.MemoryFill, byte(0))},
			{name: "copy", params: "iii", code: append(three[:6:6], wasm.MemoryCopy, byte(0), byte(0))},
			{name: "init", params: "iii", code: append(three[:6:6], wasm.MemoryInit, byte(0), byte(0))},
			{name: "drop", code: []any{wasm.DataDrop, byte(0)}},
			{name: "grow", params: "i", results: "i", code: []any{wasm.LocalGet, byte(0), wasm.MemoryGrow, byte(0)}},
		},
	}
}

func random(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Bulk operations write what they wrote before, trap where they trapped, and then have written nothing, whether they run
// at once or in pieces; and they cost what the table says.
func TestBulkOperations(t *testing.T) {
	t.Parallel()
	const size = 32 << 16
	for i, segment := range [][]byte{random(900_000), random(100_000)} {
		wasm := bulkGuest(segment).build()
		for _, interpreter := range []bool{false, true}[i:] {
			machine := newMachine(t, interpreter, features)
			machine.host.slice = 5000
			plain := machine.mustStart(wasm)
			metered := machine.mustStart(mustRewrite(t, wasm).Wasm)
			fresh := random(size)
			seen := map[string]int{}
			f := func(op string, d, s, n uint32) {
				t.Helper()
				plain.mod.Memory().Write(0, fresh)
				metered.mod.Memory().Write(0, fresh)
				args := []uint64{uint64(d), uint64(s), uint64(n)}
				_, _, want := plain.call(op, args...)
				_, used, got := metered.call(op, args...)
				if firstLine(got) != firstLine(want) {
					t.Errorf("%s(%d, %d, %d): %v, want %v", op, d, s, n, got, want)
				}
				a, _ := plain.mod.Memory().Read(0, size)
				b, _ := metered.mod.Memory().Read(0, size)
				if !bytes.Equal(a, b) {
					t.Errorf("%s(%d, %d, %d): memory differs", op, d, s, n)
				}
				seen[firstLine(want)]++
				if want != nil {
					if !bytes.Equal(b, fresh) {
						t.Errorf("%s(%d, %d, %d) trapped and has written", op, d, s, n)
					}
					return
				}
				if low := int64(n >> byteShift); used < low || used > low+100 {
					t.Errorf("%s(%d, %d, %d) used %d, its bytes cost %d", op, d, s, n, used, low)
				}
			}
			lengths := []uint32{0, 1, 7, 8, Piece - 1, Piece, Piece + 1, 2*Piece - 1, 2 * Piece, 3*Piece + 17}
			for _, n := range lengths {
				for _, op := range []string{"fill", "copy", "init"} {
					f(op, 0, 0, n)
					f(op, 5, 0, n)
					f(op, 0, 5, n)
					f(op, size-n, 0, n)
					f(op, size-n+1, 0, n)
					f(op, size-n, 1, n)
				}
				for _, by := range []uint32{1, 4096, Piece - 1, Piece, Piece + 1} { // overlaps, both ways
					f("copy", by, 0, n)
					f("copy", 0, by, n)
					f("copy", 1000, 1000+by, n)
					f("copy", 1000+by, 1000, n)
				}
				f("init", 0, uint32(len(segment))-n, n)
				f("init", 0, uint32(len(segment))-n+1, n)
				f("copy", 0, size-n, n)
				f("copy", 0, size-n+1, n)
			}
			for _, huge := range []uint32{size + 1, 1 << 31, 0xffffffff} {
				for _, op := range []string{"fill", "copy", "init"} {
					f(op, 0, 0, huge)
					f(op, 1, 0, huge)
					f(op, 0, 1, huge)
					f(op, huge, 0, 1)
					f(op, 0, huge, Piece+1)
					f(op, huge, huge, huge)
				}
			}
			for _, in := range []*instance{plain, metered} {
				if _, _, err := in.call("drop"); err != nil {
					t.Fatal(err)
				}
			}
			f("init", 0, 0, 0)
			f("init", 0, 0, 1)
			f("init", 0, 1, 0)
			f("init", 0, 0, Piece+1)
			f("init", 0, 0, uint32(len(segment)))
			if len(seen) != 2 {
				t.Errorf("outcomes seen: %v, want success and out of bounds", seen)
			}
		}
	}
}

func firstLine(err error) string {
	s, _, _ := strings.Cut(fmt.Sprint(err), "\n")
	return s
}

// While one works in pieces, the host gets a turn for each.
func TestBulkTicks(t *testing.T) {
	m := newMachine(t, false, features)
	in := m.mustStart(mustRewrite(t, bulkGuest(random(8*Piece)).build()).Wasm)
	in.host.slice = 1
	for _, c := range []string{"fill", "copy", "init"} {
		if _, _, err := in.call(c, 0, 0, 7*Piece); err != nil {
			t.Fatal(err)
		}
		if in.host.ticks < 7 {
			t.Errorf("%s of 7 pieces: %d ticks", c, in.host.ticks)
		}
	}
}

// What is written at once is announced, all of it and nothing else, unless it is little; and nothing that is announced looks
// like a counter, nor a counter like what is announced.
func TestBulkIsAnnounced(t *testing.T) {
	m := newMachine(t, false, features)
	in := m.mustStart(mustRewrite(t, bulkGuest(random(8*Piece)).build()).Wasm)
	f := func(op string, d, s, n uint32, want int) {
		t.Helper()
		in.host.written = nil
		_, _, err := in.call(op, uint64(d), uint64(s), uint64(n))
		got := in.host.written
		if err != nil || len(got) != want {
			t.Fatalf("%s(%d, %d, %d): %d announcements, want %d, %v", op, d, s, n, len(got), want, err)
		}
		slices.SortFunc(got, func(a, b [2]uint32) int { return cmp.Compare(a[0], b[0]) })
		if want == 0 {
			return
		}
		begin, end := got[0][0], got[0][0]
		for _, w := range got {
			if w[0] != end || w[1] > Piece || w[1] < announceFrom {
				t.Errorf("%s(%d, %d, %d) announced %v", op, d, s, n, got)
			}
			end += w[1]
		}
		if begin < d || end > d+n || n-(end-begin) >= announceFrom {
			t.Errorf("%s(%d, %d, %d) announced %v", op, d, s, n, got)
		}
	}
	for _, op := range []string{"fill", "copy", "init"} {
		f(op, 3, 0, announceFrom-1, 0)
		f(op, 3, 0, announceFrom, 1)
		f(op, 0, 3, Piece, 1)
		f(op, 77, 3, Piece+1, 1)
		f(op, 77, 3, Piece+announceFrom, 2)
		f(op, 3, 77, 2*Piece, 2)
		f(op, 1<<20, 7, 3*Piece+announceFrom+5, 4)
	}
	is := func(counter int64, want bool) {
		t.Helper()
		if _, _, ok := Announced(counter); ok != want {
			t.Errorf("%#x is an announcement: %v", counter, ok)
		}
	}
	is(StackSpent, false)
	is(-1, false)
	is(-1<<61, false)
	is(announced, true)
	is(announced+Piece<<32+1<<32-1, true)
}

// Growing a memory is paid for by the page, not growing it costs the base, and a spent budget grows nothing.
func TestMemoryGrow(t *testing.T) {
	for _, interpreter := range []bool{false, true} {
		in := newMachine(t, interpreter, features).mustStart(mustRewrite(t, bulkGuest(nil).build()).Wasm)
		f := func(n uint32, want int32, low, high int64) {
			t.Helper()
			got, used, err := in.call("grow", uint64(n))
			if err != nil {
				t.Fatal(err)
			}
			if int32(got[0]) != want || used < low || used > high {
				t.Errorf("grow(%d) = %d and used %d, want %d and %d to %d", n, int32(got[0]), used, want, low, high)
			}
		}
		f(0, 32, 1, 100)
		f(1, 32, costPage, costPage+100)
		f(3, 33, 3*costPage, 3*costPage+100)
		f(29, -1, 1, 100)
		f(0xffffffff, -1, 1, 100)
		in.host.budget = 5000
		if _, _, err := in.call("grow", 1); !errors.Is(err, errSpent) {
			t.Errorf("growing without the fuel: %v", err)
		}
		if pages := in.mod.Memory().Size() >> 16; pages != 36 {
			t.Errorf("%d pages, want 36", pages)
		}
		in.host.budget = 1 << 60
		f(28, 36, 28*costPage, 28*costPage+100)
		f(1, -1, 1, 100)
	}
	// No maximum of its own, but the engine has one: what was paid comes back.
	s := bulkGuest(nil)
	s.memory = []uint32{1}
	in := newMachine(t, false, features).mustStart(mustRewrite(t, s.build()).Wasm)
	got, used, err := in.call("grow", 5000)
	if err != nil || int32(got[0]) != -1 || used > 100 {
		t.Errorf("grow beyond the engine's limit = %d, used %d, %v", int32(got[0]), used, err)
	}
}

// Operations on tables, with every operand: equal results and traps, and paid by the entry. Growth ends at the cap.
func TestTableOperations(t *testing.T) {
	three := []any{wasm.LocalGet, byte(0), wasm.LocalGet, byte(1), wasm.LocalGet, byte(2)}
	s := sketch{
		table:   []uint32{20, 1000},
		element: []uint32{0, 1, 2, 3},
		funcs: []fn{
			{name: "init", params: "iii", code: append(three[:6:6], wasm.TableInit, byte(1), byte(0))},
			{name: "copy", params: "iii", code: append(three[:6:6], wasm.TableCopy, byte(0), byte(0))},
			{name: "fill", params: "iii", code: []any{wasm.LocalGet, byte(0), wasm.RefFunc, byte(1), wasm.LocalGet, byte(2), wasm.TableFill, byte(0)}},
			{name: "grow", params: "iii", results: "i", code: []any{wasm.RefNull, byte(wasm.FuncRef), wasm.LocalGet, byte(0), wasm.TableGrow, byte(0)}},
			{name: "null", params: "i", results: "i", code: []any{wasm.LocalGet, byte(0), wasm.TableGet, byte(0), wasm.RefIsNull}},
		},
	}
	b := s.build()
	// a passive segment of three functions behind the active one
	sections, err := wasm.Sections(b)
	if err != nil {
		t.Fatal(err)
	}
	i, _ := wasm.Place(sections, wasm.ElementSection)
	e := append([]byte{2}, sections[i].Data[1:]...)
	sections[i].Data, sections[i].Head = append(e, 1, 0, 3, 2, 1, 0), nil
	b = wasm.Write(sections)

	machine := newMachine(t, false, features)
	plain := machine.mustStart(b)
	m, err := Rewrite(b, Caps{TableEntries: 300})
	if err != nil {
		t.Fatal(err)
	}
	if !m.Saves || !m.Bound {
		t.Errorf("a module that changes a table: Saves %v, Bound %v", m.Saves, m.Bound)
	}
	metered := machine.mustStart(m.Wasm)
	f := func(op string, d, s, n uint32, entries int64) {
		t.Helper()
		args := []uint64{uint64(d), uint64(s), uint64(n)}
		r1, _, want := plain.call(op, args...)
		r2, used, got := metered.call(op, args...)
		if firstLine(got) != firstLine(want) || fmt.Sprint(r1) != fmt.Sprint(r2) {
			t.Errorf("%s(%d, %d, %d): %v %v, want %v %v", op, d, s, n, r2, got, r1, want)
		}
		if low := entries << entryShift; used < low || used > low+100 {
			t.Errorf("%s(%d, %d, %d) used %d, its entries cost %d", op, d, s, n, used, low)
		}
		for i := range uint64(20) {
			a, _, _ := plain.call("null", i)
			b, _, _ := metered.call("null", i)
			if a[0] != b[0] {
				t.Errorf("after %s(%d, %d, %d): entry %d differs", op, d, s, n, i)
			}
		}
	}
	f("init", 10, 0, 3, 3)
	f("init", 10, 1, 3, 3)
	f("init", 10, 0, 0xffffffff, 0)
	f("init", 19, 0, 2, 2)
	f("copy", 5, 10, 5, 5)
	f("copy", 11, 10, 9, 9)
	f("copy", 12, 10, 9, 9)
	f("copy", 0, 0, 0xfffffff0, 0)
	f("fill", 3, 0, 9, 9)
	f("fill", 19, 0, 2, 2)
	f("fill", 0, 0, 21, 21) // paid for before it traps
	f("grow", 30, 0, 0, 30)
	f("grow", 250, 0, 0, 250)
	if got, used, err := metered.call("grow", 1, 0, 0); err != nil || int32(got[0]) != -1 || used > 100 {
		t.Errorf("growing above the cap = %v, used %d, %v", got, used, err)
	}
}
