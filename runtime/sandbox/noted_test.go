package sandbox_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// Where guest and host note what they write, those pages are put back and nothing else is looked at: all of the memory is as it was.
func TestNoted(t *testing.T) {
	e := newEngine(t)
	var m Module
	m.Memory(2, 0)
	m.Func("_initialize", "", "", "", Code(I32(0), I32(7), I32(2<<16), Fill)...)
	m.Func("store", "iI", "", "", Code(Get(0), Get(1), Op(0x37, 0, 0))...)
	m.Func("fill", "ii", "", "", Code(Get(0), I32(9), Get(1), Fill)...)
	m.Func("grow", "i", "", "", Code(Get(0), I32(9), Store32, I32(1), Grow, Drop, I32(2<<16), I32(9), Store32)...)
	m.Func("loop", "i", "", "", Code(Op(0x03, 0x40), Get(0), I32(9), Store32, Op(0x0b))...)
	m.Func("many", "", "", "", func() (code []byte) {
		for n := range int32(13) {
			code = Code(code, I32(n<<12), I32(9), Store32)
		}
		return code
	}()...)
	m.Func("nothing", "", "", "")
	module := compile(t, e, m.Bytes())

	var used sandbox.Way
	p := newPool(t, sandbox.Options{Module: module, Limits: generous, Most: 1, Events: sandbox.Events{Reset: func(way sandbox.Way, _ time.Duration, err error) {
		if used = way; err != nil {
			t.Error(err)
		}
	}}})
	look := func(i *sandbox.Instance) []byte {
		b, _ := i.Memory().Look(0, i.Memory().Size())
		return b
	}
	i := acquire(t, p)
	want := bytes.Clone(look(i))
	p.Release(i)
	f := func(noted bool, name string, do func(*sandbox.Instance)) {
		t.Helper()
		for range 3 {
			i := acquire(t, p)
			i.Bind(nil, nil)
			do(i)
			p.Release(i)
			if (used == sandbox.Noted) != noted {
				t.Errorf("%s: put back by %q", name, used)
			}
			i = acquire(t, p)
			if !bytes.Equal(look(i), want) {
				t.Fatalf("%s: by %q the memory is not what it was", name, used)
			}
			p.Release(i)
		}
	}
	guest := func(name string, args ...uint64) func(*sandbox.Instance) {
		return func(i *sandbox.Instance) { call(t, i, name, args...) }
	}
	host := func(do func(hostcall.Memory)) func(*sandbox.Instance) {
		return func(i *sandbox.Instance) { call(t, i, "nothing"); do(i.Memory()) }
	}
	f(true, "nothing", guest("nothing"))
	f(true, "a store", guest("store", 5000, 1<<63|1))
	f(true, "over the end of a page", guest("store", 8190, 0x0102030405060708))
	f(true, "its last byte", guest("store", 8185, 0x0102030405060708))
	f(true, "the last bytes of the memory", guest("store", 2<<16-8, 0x0102030405060708))
	f(true, "a fill", guest("fill", 4090, 4000))
	f(false, "a long fill", guest("fill", 4090, 5000))
	f(true, "growth", guest("grow", 100))
	f(false, "a loop", guest("loop", 100))
	f(false, "many pages", guest("many"))
	f(true, "a host function", host(func(m hostcall.Memory) { m.WriteString(4090, "over the end") }))
	f(true, "a view", host(func(m hostcall.Memory) { b, _ := m.View(8000, 4096); clear(b) }))
	f(false, "a large view", host(func(m hostcall.Memory) { b, _ := m.View(0, 1<<16); clear(b) }))
	f(true, "a look", host(func(m hostcall.Memory) { m.Look(0, 1<<16) }))
}

// What the guest and the host write by turns is noted: one calls the other back between two stores, in a loop too, and the guest may end
// its program. The notes of a large memory are those around its stack.
func TestNotedByTurns(t *testing.T) {
	const stack = 1 << 20
	e := newEngine(t)
	var m Module
	m.Memory(stack>>16+1, 0)
	do := m.Import("test", "do", "", "")
	exit := m.Import("wasi_snapshot_preview1", "proc_exit", "i", "")
	m.Globals = [][]byte{Code(Op(0x7f, 1), I32(stack), Op(0x0b))}
	m.Func("store", "i", "", "", Code(Get(0), I32(9), Store32)...)
	m.Func("around", "i", "", "", Code(Get(0), I32(9), Store32, Call(do), Get(0), I32(9000), Add32, I32(9), Store32)...)
	m.Func("loop", "i", "", "i", Code(Op(0x03, 0x40), Call(do), Get(1), I32(1), Add32, Op(0x22, 1), I32(3), Op(0x47), Op(0x0d, 0), Op(0x0b), Get(0), I32(9), Store32)...)
	m.Func("exit", "i", "", "", Code(Get(0), I32(9), Store32, I32(0), Call(exit))...)
	var used sandbox.Way
	p := newPool(t, sandbox.Options{Module: compile(t, e, m.Bytes()), Limits: generous, Most: 1, Events: sandbox.Events{Reset: func(way sandbox.Way, _ time.Duration, _ error) { used = way }}})
	f := func(noted bool, name string, at uint64, back func(*sandbox.Instance, *hostcall.Call)) {
		t.Helper()
		for range 2 {
			i := acquire(t, p)
			i.Bind(&exchange{s: &wasi.State{}, do: func(c *hostcall.Call) { back(i, c) }}, nil)
			if _, err := i.Call(context.Background(), name, at); (err != nil) != (name == "exit") {
				t.Error(err)
			}
			p.Release(i)
			if (used == sandbox.Noted) != noted {
				t.Errorf("%s: put back by %q", name, used)
			}
			i = acquire(t, p)
			if b, _ := i.Memory().Look(0, i.Memory().Size()); !bytes.Equal(b, make([]byte, stack+1<<16)) {
				t.Fatalf("%s: by %q the memory is not what it was", name, used)
			}
			p.Release(i)
		}
	}
	const low = stack - 16<<12 // of the pages that have notes
	f(true, "around", low, func(i *sandbox.Instance, _ *hostcall.Call) { call(t, i, "store", stack-2) })
	f(true, "loop", stack-3, func(i *sandbox.Instance, _ *hostcall.Call) { call(t, i, "store", stack-20000) })
	f(true, "loop", stack-3, func(i *sandbox.Instance, c *hostcall.Call) {
		b, _ := c.Memory().View(stack+4000, 200)
		call(t, i, "store", stack+4094)
		copy(b, "before and after")
		clear(b[150:])
	})
	f(false, "around", stack, func(i *sandbox.Instance, _ *hostcall.Call) { call(t, i, "store", low-1) })
	f(false, "around", stack, func(_ *sandbox.Instance, c *hostcall.Call) { c.Memory().WriteUint32(low-2, 1<<32-1) })
	f(true, "exit", stack-2, nil)
	f(false, "exit", low-2, nil)
}

// What a guest writes when it is told that it was put back is written in its next exchange.
func TestNotedRestored(t *testing.T) {
	e := newEngine(t)
	var m Module
	m.Memory(1, 0)
	m.Func("wedge_restored", "", "", "", Code(I32(5000), I32(5000), Load32, I32(1), Add32, Store32)...)
	m.Func("count", "", "i", "", Code(I32(5000), Load32)...)
	ways := map[sandbox.Way]int{}
	p := newPool(t, sandbox.Options{Module: compile(t, e, m.Bytes()), Limits: generous, Most: 1, Events: sandbox.Events{Reset: func(way sandbox.Way, _ time.Duration, _ error) { ways[way]++ }}})
	for range 5 {
		i := acquire(t, p)
		i.Bind(nil, nil)
		out, err := i.Call(context.Background(), "count")
		if err != nil || out[0] != 1 {
			t.Errorf("%v, %v: want 1, as if no exchange had been before", out, err)
		}
		p.Release(i)
	}
	if ways[sandbox.Noted] != 5 {
		t.Errorf("put back by %v", ways)
	}
}
