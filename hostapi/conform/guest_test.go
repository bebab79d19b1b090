package conform

import (
	"encoding/binary"
	"strings"

	"github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// A program is a guest under construction. Its texts are put into memory when it is initialised; imports are added when they
// are first called.
type program struct {
	module  enginetest.Module
	known   map[string]*hostcall.Func
	imports map[string]uint32
	texts   map[string]int32
	next    int32
	init    []byte
	funcs   []exported
}

type exported struct {
	name, params, results string
	code                  []byte
}

// Memory: below 1024 is scratch, then come texts, from heap on what malloc gives.
const (
	scratch  = 256
	capacity = 512
	digit    = 16 // where digits are written
	out      = 32 // where addresses, lengths and ids are written
	top      = 8  // where malloc keeps its mark
	heap     = 32 << 10
)

func newProgram(funcs []hostcall.Func) *program {
	p := &program{known: map[string]*hostcall.Func{}, imports: map[string]uint32{}, texts: map[string]int32{}, next: 1024}
	for i := range funcs {
		p.known[funcs[i].Name] = &funcs[i]
	}
	p.module.Memory(4, 0)
	return p
}

// text pushes pointer and length of a text.
func (p *program) text(s string) []byte {
	at, known := p.texts[s]
	if !known {
		at = p.next
		p.texts[s] = at
		p.next += int32(len(s)+7)&^7 + 8
		for b, to := []byte(s), at; len(b) > 0; b, to = b[min(8, len(b)):], to+8 {
			var word [8]byte
			copy(word[:], b)
			p.init = append(p.init, enginetest.Code(enginetest.I32(to), enginetest.I64(int64(binary.LittleEndian.Uint64(word[:]))), enginetest.Op(0x37, 3, 0))...)
		}
	}
	return enginetest.Code(enginetest.I32(at), enginetest.I32(int32(len(s))))
}

func letters(list []hostcall.ValueType) string {
	var b strings.Builder
	for _, t := range list {
		b.WriteString(map[hostcall.ValueType]string{hostcall.I32: "i", hostcall.I64: "I", hostcall.F64: "F"}[t])
	}
	return b.String()
}

// call calls a function of the ABI and leaves its result.
func (p *program) call(name string, args ...[]byte) []byte {
	index, imported := p.imports[name]
	if !imported {
		f := p.known[name]
		index = p.module.Import(f.Module, name, letters(f.Params), letters(f.Results))
		p.imports[name] = index
	}
	return enginetest.Code(enginetest.Code(args...), enginetest.Call(index))
}

// do calls a function and drops its result, if it has one.
func (p *program) do(name string, args ...[]byte) []byte {
	code := p.call(name, args...)
	if len(p.known[name].Results) > 0 {
		code = append(code, enginetest.Drop...)
	}
	return code
}

// on adds an export.
func (p *program) on(name, params, results string, code ...[]byte) *program {
	p.funcs = append(p.funcs, exported{name, params, results, enginetest.Code(code...)})
	return p
}

func (p *program) bytes() []byte {
	p.module.Func("_initialize", "", "", "", p.init...)
	for _, f := range p.funcs {
		p.module.Func(f.name, f.params, f.results, "ii", f.code...)
	}
	return p.module.Bytes()
}

// number writes '0'+v and pushes the address and the length of it.
func number(v []byte) []byte {
	return enginetest.Code(enginetest.I32(digit), v, enginetest.I32('0'), enginetest.Add32, enginetest.Op(0x3a, 0, 0), enginetest.I32(digit), enginetest.I32(1))
}

// load pushes the number at an address.
func load(at int32) []byte { return enginetest.Code(enginetest.I32(at), enginetest.Load32) }

// high is the upper half of an i64.
var high = enginetest.Code(enginetest.I64(32), enginetest.Op(0x88, 0xa7))
