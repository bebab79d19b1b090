package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/runtime/engine"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// codeAt names the instruction at an offset of a module.
func codeAt(t *testing.T, module []byte, offset int) wasm.Op {
	t.Helper()
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range m.Bodies {
		if offset < b.Offset || offset >= b.Offset+len(b.Raw) {
			continue
		}
		r := wasm.NewReader(b.Raw, b.Offset)
		r.Bytes(b.Code, "locals")
		for r.Left() > 0 {
			at := r.Offset()
			var in wasm.Instr
			if r.Instr(&in); at == offset {
				return in.Op
			}
		}
	}
	t.Fatalf("no instruction at %#x", offset)
	return 0
}

// The stack of a trap leads back to the instructions of the original module, and to its lines.
func TestLocate(t *testing.T) {
	m := &Module{}
	refuse := m.Import("test", "refuse", "", "")
	m.Memory(1, 1)
	// Loops and calls, so that the rewriter puts something in front of everything.
	spin := m.Func("spin", "", "i", "i", Code(I32(7), Op(0x1a), Op(0x03, 0x40), Get(0), I32(1), Op(0x6a), Set(0), Op(0x0c, 0), Op(0x0b), I32(0))...)
	boom := m.Func("", "i", "i", "", Code(Get(0), Op(0x04, 0x40), I32(70_000), I32(0), Op(0x36, 2, 0), Op(0x0b), Op(0x00))...)
	m.Func("bounds", "", "i", "", Code(I32(1), Call(boom))...)
	m.Func("unreachable", "", "i", "i", Code(Op(0x03, 0x40), Get(0), I32(1), Op(0x6a), Op(0x22, 0), I32(9), Op(0x48), Op(0x0d, 0), Op(0x0b), I32(0), Call(boom))...)
	m.Func("budget", "", "i", "", Code(I32(5), Op(0x1a), Call(spin))...)
	m.Func("host", "", "i", "", Code(I32(5), Op(0x1a), Call(refuse), I32(1))...)
	m.Func("copy", "", "i", "", Code(I32(65_000), I32(0), I32(70_000), Op(0xfc, 10, 0, 0), I32(1))...)
	module := WithLines(m.Bytes())
	names := map[wasm.Op]string{wasm.Loop: "loop", 0x36: "i32.store", wasm.Call: "call", wasm.Unreachable: "unreachable", wasm.MemoryCopy: "memory.copy"}

	for _, interpreter := range []bool{false, true} {
		e := newEngineWith(t, engine.Options{Interpreter: interpreter})
		code, err := e.Compile(context.Background(), module)
		if err != nil {
			t.Fatal(err)
		}
		defer code.Close()
		p := newPool(t, sandbox.Options{Module: code, Limits: limit.Limits{Fuel: 10_000}})
		f := func(export string, want ...string) {
			t.Helper()
			i := acquire(t, p)
			_, err := i.Call(context.Background(), export)
			p.Release(i)
			var trap *sandbox.Trap
			if !errors.As(err, &trap) {
				t.Fatalf("%s ended with %v", export, err)
			}
			var offsets []int
			for _, f := range trap.Stack {
				offsets = append(offsets, f.Offset)
			}
			known, err := code.Locate(module, offsets)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range trap.Stack {
				l, ok := known[f.Offset]
				switch {
				case f.Offset == 0: // of the host
					got = append(got, f.Function)
					continue
				case !ok: // of the rewriter: this module has no names, by which it would have been left out
					continue
				}
				got = append(got, fmt.Sprintf("%d %s", l.Function, names[codeAt(t, module, l.Offset)]))
				sections, _ := wasm.Sections(module)
				at, _ := wasm.Place(sections, wasm.CodeSection)
				if line := l.Offset - sections[at].Offset; l.Source.File != "guest.src" || l.Source.Line != line {
					t.Errorf("%s: %v in %v, want line %d", export, f, l, line)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, interpreter %v:\ngot  %s\nwant %s", export, interpreter, strings.Join(got, ", "), strings.Join(want, ", "))
			}
		}
		f("bounds", "2 i32.store", "3 call")
		f("unreachable", "2 unreachable", "4 call")
		f("budget", "1 loop", "5 call")
		f("host", "test.refuse", "6 call")
		f("copy", "7 memory.copy")
		if _, err := code.Locate(append(module, 0), nil); !errors.Is(err, engine.ErrOriginal) {
			t.Errorf("other bytes: %v", err)
		}
	}
}

// Debug information is a stranger's: what is wrong in it is not there, and the module runs all the same.
func TestLocateDamaged(t *testing.T) {
	m := &Module{}
	m.Func("trap", "", "", "", Op(0x00)...)
	sections, _ := wasm.Sections(m.Bytes())
	for _, name := range []string{".debug_info", ".debug_line", ".debug_abbrev", ".debug_str", ".debug_ranges", "sourceMappingURL"} {
		sections = append(sections, wasm.Section{ID: wasm.CustomSection, Data: append(wasm.AppendName(nil, name), "\xff\xff\xff\xff\x00\x01\x80\x80"...)})
	}
	module := wasm.Write(sections)
	code, err := newEngine(t).Compile(context.Background(), module)
	if err != nil {
		t.Fatal(err)
	}
	defer code.Close()
	p := newPool(t, sandbox.Options{Module: code})
	i := acquire(t, p)
	defer p.Release(i)
	var trap *sandbox.Trap
	if _, err := i.Call(context.Background(), "trap"); !errors.As(err, &trap) || len(trap.Stack) != 1 || trap.Stack[0].Offset == 0 {
		t.Fatalf("ended with %v", err)
	}
	known, err := code.Locate(module, []int{trap.Stack[0].Offset})
	if l, ok := known[trap.Stack[0].Offset]; err != nil || !ok || l.Source.File != "" || codeAt(t, module, l.Offset) != wasm.Unreachable {
		t.Errorf("located at %+v, %v", known, err)
	}
}
