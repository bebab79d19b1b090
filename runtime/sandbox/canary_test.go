package sandbox_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/engine/enginetest/guests"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// canary is what an exchange leaves wherever it can, and the next one looks for. Its bytes stand in no module.
const canary = 0xc0a1_ba5e_5eed_f00d

// canaryModule is a guest with these exports: mark(i64) leaves a number in memory, in globals and in a table, and drops a
// segment, without which segment() traps; find(i64) counts where the number is; grow(i32) asks for pages.
func canaryModule(table bool) []byte {
	var m Module
	m.Memory(3, 0)
	m.Globals = [][]byte{
		Op(0x7e, 1, 0x42, 0, 0x0b),                              // i64
		Op(0x7c, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b),         // f64
		Op(0x7f, 1, 0x41, 0, 0x0b),                              // i32: its lower half
		Op(0x7f, 0, 0x41, 42, 0x0b),                             // not mutable
		Code(Op(0x7b, 1, 0xfd, 12), make([]byte, 16), Op(0x0b)), // v128
	}
	m.Func("_initialize", "", "", "", Code(I32(1<<16), I32(9), I32(1<<16), Fill)...)
	load, store, bytes := Op(0x29, 0, 0), Op(0x37, 0, 0), Code(Size, I32(16), Op(0x74))
	mark := Code(
		I32(64), Get(0), store, I32(0xfffc), Get(0), store, bytes, I32(8), Op(0x6b), Get(0), store,
		Get(0), Op(0x24, 0), Get(0), Op(0xbf, 0x24, 1), Get(0), Op(0xa7, 0x24, 2), Get(0), Op(0xfd, 18, 0x24, 4), Op(0xfc, 9, 0))
	find := Code(
		Op(0x03, 0x40), Get(2), Get(1), load, Get(0), Op(0x51), Add32, Set(2), // n += memory[at] == v
		Get(1), I32(4), Add32, Op(0x22, 1), bytes, I32(8), Op(0x6b, 0x4d, 0x0d, 0, 0x0b), // at += 4; again if at <= size-8
		Get(2), Op(0x23, 0), Get(0), Op(0x51), Add32, Op(0x23, 1, 0xbd), Get(0), Op(0x51), Add32,
		Op(0x23, 2), Get(0), Op(0xa7, 0x46), Add32, Op(0x23, 4, 0xfd, 29, 1), Get(0), Op(0x51), Add32)
	if table {
		m.Table(2, 10)
		mark = Code(mark, I32(1), Op(0xd2, 0, 0x26, 0))
		find = Code(find, I32(1), Op(0x25, 0, 0xd1, 0x45), Add32)
	}
	// What is not dropped has 8 bytes, which land where nobody looks.
	m.Data = [][]byte{[]byte("segment.")}
	m.Func("segment", "", "", "", Code(I32(128), I32(0), I32(8), Op(0xfc, 8, 0, 0))...)
	m.Func("mark", "I", "", "", mark...)
	m.Func("find", "I", "i", "ii", find...)
	m.Func("grow", "i", "i", "", Code(Get(0), Grow)...)
	return m.Bytes()
}

const goCanary = `
package main

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"
)

func main() {}

type node struct {
	mark uint64
	next *node
}

var (
	global uint64
	list   *node
	table  = map[uint64]string{}
	parked = make(chan uint64)
	held   []byte
)

//go:wasmexport mark
func mark(v uint64) {
	global = v
	for range 50 {
		list = &node{v, list}
	}
	table[v] = fmt.Sprint(v)
	go func() { parked <- v }()
	os.Setenv("MARK", string(unsafe.Slice((*byte)(unsafe.Pointer(&v)), 8)))
	os.Args = append(os.Args, fmt.Sprint(v))
	runtime.GC()
}

// The first page is Go's nil. It never has the mark itself in its memory: hidden is the mark with all bits turned.
//
//go:wasmexport seek
func seek(hidden uint64, size uint32) (n int32) {
	for at := uintptr(4096); at < uintptr(size)-8; at += 4 {
		p := (*[2]uint32)(unsafe.Pointer(at))
		if p[0]^uint32(hidden) == ^uint32(0) && p[1]^uint32(hidden>>32) == ^uint32(0) {
			n++
		}
	}
	if len(os.Args) != 1 || os.Getenv("MARK") != "" || len(table) != 0 || list != nil || len(os.Environ()) != 1 {
		n++
	}
	for fd := 3; fd < 20; fd++ {
		if _, err := os.NewFile(uintptr(fd), "x").Stat(); err == nil {
			n++
		}
	}
	return n
}

//go:wasmexport grow
func grow(pages int32) int32 {
	held = make([]byte, int(pages)<<16)
	for i := range held {
		held[i] = byte(i)
	}
	return int32(len(held))
}
`

// exchanges is how many there are with each way of each guest.
func exchanges(n int) int {
	if os.Getenv("WEDGE_PROOF") != "" {
		return 10_000
	}
	return n
}

// seeker looks for the canary from within.
type seeker func(t *testing.T, i *sandbox.Instance) uint32

func find(t *testing.T, i *sandbox.Instance) uint32 { return uint32(call(t, i, "find", canary)[0]) }

func findWithSegment(t *testing.T, i *sandbox.Instance) uint32 {
	n := find(t, i)
	if n == 0 {
		call(t, i, "segment")
	}
	return n
}

func findBuilt(t *testing.T, i *sandbox.Instance) uint32 {
	return uint32(call(t, i, "find", guests.Sought(canary))[0])
}

func seekGo(t *testing.T, i *sandbox.Instance) uint32 {
	v := uint64(canary)
	return uint32(call(t, i, "seek", ^v, uint64(i.Memory().Size()))[0])
}

// memoryHas looks for the canary from outside, at every byte.
func memoryHas(i *sandbox.Instance) bool {
	m := i.Memory()
	all, _ := m.View(0, m.Size())
	return bytes.Contains(all, binary.LittleEndian.AppendUint64(nil, canary))
}

// canaryExchanges has exchange after exchange leave the canary, and returns how many found that of one before them.
func canaryExchanges(t *testing.T, n int, seek seeker, o sandbox.Options) (found int) {
	t.Helper()
	o.Limits, o.Most = generous, 3
	o.Outside = func() any { return &exchange{s: &wasi.State{Args: []string{"guest"}, Environ: []string{"A=b"}}} }
	p := newPool(t, o)
	r := rand.New(rand.NewPCG(1, 2))
	var held []*sandbox.Instance
	size := uint32(0)
	for k := range n {
		i := acquire(t, p)
		i.Bind(&exchange{s: &wasi.State{Args: []string{"guest"}, Environ: []string{"A=b"}}}, nil)
		if size == 0 {
			size = i.Memory().Size()
		}
		if memoryHas(i) || i.Memory().Size() != size || seek(t, i) != 0 {
			found++
		}
		call(t, i, "mark", canary)
		if k < 20 && (!memoryHas(i) || seek(t, i) == 0) {
			t.Fatal("an exchange does not find its own canary: the search is broken")
		}
		if r.IntN(3) == 0 {
			pages := 1 + r.Uint64N(8)
			call(t, i, "grow", pages)
			call(t, i, "mark", canary)
		}
		// Several are in use at a time and come back in any order.
		if held = append(held, i); len(held) == 3 || r.IntN(2) == 0 {
			r.Shuffle(len(held), func(a, b int) { held[a], held[b] = held[b], held[a] })
			for _, i := range held {
				p.Release(i)
			}
			held = held[:0]
		}
	}
	for _, i := range held {
		p.Release(i)
	}
	return found
}

// TestCanary: no exchange finds anything of one before it, in whatever way instances are put back. Under isolation
// "instance" it does, by the same search.
func TestCanary(t *testing.T) {
	e := newEngine(t)
	f := func(t *testing.T, name string, module []byte, n int, seek seeker) {
		t.Helper()
		m := compile(t, e, module)
		for _, way := range append(sandbox.Ways(), "", "fresh") {
			o := sandbox.Options{Module: m, Reset: way}
			if way == "fresh" {
				o.Fresh, o.Reset = true, ""
			}
			resets := 0
			o.Events.Reset = func(used sandbox.Way, _ time.Duration, err error) {
				if resets++; err != nil {
					t.Errorf("%s, %s: %v", name, way, err)
				}
				if o.Reset != "" && used != o.Reset {
					t.Errorf("%s: reset by %s, want %s", name, used, way)
				}
			}
			k := n
			if o.Fresh {
				k = n / 10
			}
			if found := canaryExchanges(t, k, seek, o); found != 0 {
				t.Errorf("%s, %s: %d of %d exchanges found something of one before", name, way, found, k)
			}
			if !o.Fresh && resets != k || o.Fresh && resets != 0 {
				t.Errorf("%s, %s: %d resets in %d exchanges", name, way, resets, k)
			}
		}
		if found := canaryExchanges(t, 10, seek, sandbox.Options{Module: m, Isolation: sandbox.PerInstance}); found < 5 {
			t.Errorf("%s, instance: only %d of 10 exchanges found what was there: the search is broken", name, found)
		}
	}
	run := func(name string, module func(testing.TB) []byte, n int, seek seeker) {
		t.Run(name, func(t *testing.T) { f(t, name, module(t), exchanges(n), seek) })
	}
	run("by hand", func(testing.TB) []byte { return canaryModule(false) }, 200, findWithSegment)
	run("by hand, with a table", func(testing.TB) []byte { return canaryModule(true) }, 100, findWithSegment)
	if Race { // which makes compiling these guests take half a minute
		return
	}
	for _, l := range guests.Languages() {
		run(string(l), func(t testing.TB) []byte { return guests.Module(t, l, guests.Canary) }, 100, findBuilt)
	}
	run("Go, goroutines", func(t testing.TB) []byte { return Go(t, goCanary) }, 50, seekGo)
}
