package node_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/abi"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// A guest is a function under construction. Its texts are put into memory while it is initialised; imports are added
// when they are first called, which is before the first of its functions is numbered.
type guest struct {
	module  Module
	imports map[string]uint32
	texts   map[string]int32
	next    int32
	init    []byte
	funcs   []guestFunc
}

type guestFunc struct {
	name, results, locals string
	code                  func(self uint32) []byte
}

// Memory of every guest: below 1024 is scratch, then come its texts.
const (
	scratch  = 256
	capacity = 512 // of the scratch buffer
	memory   = 2   // pages
)

func newGuest() *guest {
	g := &guest{imports: map[string]uint32{}, texts: map[string]int32{}, next: 1024}
	g.module.Memory(memory, 0)
	return g
}

// text pushes pointer and length of a text.
func (g *guest) text(s string) []byte {
	at, ok := g.texts[s]
	if !ok {
		at = g.next
		g.texts[s] = at
		g.next += int32(len(s)+7) &^ 7
		for b := []byte(s); len(b) > 0; b = b[min(8, len(b)):] {
			var word [8]byte
			copy(word[:], b)
			g.init = append(g.init, Code(I32(at), I64(int64(binary.LittleEndian.Uint64(word[:]))), Op(0x37, 3, 0))...) // i64.store
			at += 8
		}
		at = g.texts[s]
	}
	return Code(I32(at), I32(int32(len(s))))
}

// buffer pushes pointer and capacity of the scratch buffer.
func buffer() []byte { return Code(I32(scratch), I32(capacity)) }

// call calls a function of the native ABI.
func (g *guest) call(name string, args ...[]byte) []byte {
	index, ok := g.imports[name]
	if !ok {
		params, result := signature(name)
		index = g.module.Import(abi.Module, name, params, result)
		g.imports[name] = index
	}
	return append(Code(args...), Call(index)...)
}

// do calls a function and does not look at its result.
func (g *guest) do(name string, args ...[]byte) []byte { return append(g.call(name, args...), Drop...) }

func signature(name string) (params, result string) {
	for i := range abi.Funcs {
		if f := &abi.Funcs[i]; f.Name == name {
			var p strings.Builder
			for _, param := range f.Params {
				p.WriteString(map[abi.Kind]string{abi.I64: "I", abi.F64: "F", abi.Text: "ii", abi.Bytes: "ii", abi.Buffer: "ii"}[param.Kind])
				switch param.Kind {
				case abi.I32, abi.Enum, abi.Handle, abi.Out8, abi.Out16:
					p.WriteString("i")
				}
			}
			if f.Result == abi.ResultI64 {
				return p.String(), "I"
			}
			return p.String(), "i"
		}
	}
	panic("BUG: the ABI has no " + name)
}

// when runs code if the condition is not 0.
func when(condition []byte, code ...[]byte) []byte {
	return Code(condition, Op(0x04, 0x40), Code(code...), Op(0x0b))
}

// setField sets a field of the response.
func (g *guest) setField(name, value string) []byte {
	return g.do("field_set", I32(int32(abi.MessageResponse)), g.text(name), g.text(value))
}

// hook adds a hook that does what code says and goes on. It has three i32 locals.
func (g *guest) hook(name string, code ...[]byte) *guest { return g.answer(name, 0, code...) }

// answer adds a hook with that result.
func (g *guest) answer(name string, result int32, code ...[]byte) *guest {
	g.funcs = append(g.funcs, guestFunc{name, "i", "iii", func(uint32) []byte { return Code(Code(code...), I32(result)) }})
	return g
}

func (g *guest) bytes() []byte {
	init := g.init
	g.module.Func("_initialize", "", "", "", init...)
	g.module.Func("wedge_abi_v1", "", "", "")
	for i, f := range g.funcs {
		g.module.Func(f.name, "", f.results, f.locals, f.code(uint32(len(g.imports)+2+i))...)
	}
	return g.module.Bytes()
}

// tagged answers nothing: it gives each response the fields X-Request and X-Response, of which the first comes from what
// on_request left in the exchange and the second from on_response itself.
func tagged(version string) []byte {
	g := newGuest()
	g.hook("on_request", g.do("var_set", g.text("version"), g.text(version)))
	g.hook("on_response",
		g.call("var_get", g.text("version"), buffer()), Set(0),
		g.do("field_set", I32(int32(abi.MessageResponse)), g.text("X-Request"), Code(I32(scratch), Get(0))),
		g.setField("X-Response", version))
	return g.bytes()
}

// harmless is a function that only marks its responses.
func harmless() []byte {
	g := newGuest()
	return g.hook("on_request").hook("on_response", g.setField("X-Function", "harmless")).bytes()
}

// loops never returns.
func loops() []byte { return newGuest().hook("on_request", Forever()).bytes() }

// eats takes memory until there is no more, and then gives up.
func eats() []byte {
	return newGuest().hook("on_request", Forever(when(Code(I32(16), Grow, I32(-1), Op(0x46)), Unreachable))).bytes()
}

// traps hits an instruction that must not be reached.
func traps(hook string) []byte { return newGuest().hook(hook, Unreachable).bytes() }

// recurses calls itself for ever.
func recurses() []byte {
	g := newGuest()
	g.funcs = append(g.funcs, guestFunc{"on_request", "i", "", func(self uint32) []byte { return Code(Call(self), I32(1), Add32) }})
	return g.bytes()
}

// sleeps asks poll_oneoff to wait for a minute.
func sleeps() []byte {
	g := newGuest()
	poll := g.module.Import("wasi_snapshot_preview1", "poll_oneoff", "iiii", "i")
	g.imports["poll_oneoff"] = poll
	g.hook("on_request",
		I32(64), I64(0), Op(0x37, 3, 0), I32(72), I32(0), Store32, // user data; a clock
		I32(80), I32(1), Store32, // the monotonic one
		I32(88), I64(60_000_000_000), Op(0x37, 3, 0), I32(96), I64(0), Op(0x37, 3, 0), I32(104), I32(0), Store32,
		I32(64), I32(128), I32(1), I32(192), Call(poll), Drop)
	return g.bytes()
}

// stillborn traps while it is initialised. Sometimes it does so only when an instance is made ready for its next exchange,
// and then three times of four.
func stillborn(sometimes bool) []byte {
	g := newGuest()
	g.hook("on_request")
	if !sometimes {
		g.init = append(g.init, Unreachable...)
		return g.bytes()
	}
	draw := Code(g.do("random", I32(scratch), I32(1)), I32(scratch), Op(0x2d, 0, 0), I32(3), Op(0x71)) // the lowest two bits
	g.funcs = append(g.funcs, guestFunc{name: "wedge_restored", code: func(uint32) []byte { return when(draw, Unreachable) }})
	return g.bytes()
}

// The text of a function reaches the host as it was given: the assembler above is right.
func TestGuestTexts(t *testing.T) {
	for _, s := range []string{"", "a", "12345678", "a text that is longer than one word of memory"} {
		g := newGuest()
		code := g.text(s)
		if got := Code(I32(1024), I32(int32(len(s)))); string(code) != string(got) {
			t.Errorf("%q: % x, want % x", s, code, got)
		}
		if want := (len(s) + 7) / 8; strings.Count(string(g.init), string(Op(0x37, 3, 0))) < want {
			t.Errorf("%q: fewer than %d stores", s, want)
		}
	}
}
