package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// sketch is a module for a test.
type sketch struct {
	memory   []uint32 // minimum, maximum
	table    []uint32 // of functions: minimum, maximum
	element  []uint32 // functions for the table from 0 on, and declared for ref.func
	data     [][]byte // passive segments
	funcs    []fn
	global   bool     // a mutable i32, global 0
	imports  [][]byte // each with its descriptor
	exports  [][]byte
	sections []wasm.Section // as they are, put where they belong
}

// fn is a function, exported under its name. Its code is made of instructions, ints (signed LEB128) and bytes.
type fn struct {
	name    string
	params  string // a letter for each: i, l, f, r are i32, i64, f32, funcref
	results string
	locals  string
	code    []any
}

func letters(s string) []wasm.ValType {
	var ts []wasm.ValType
	for _, c := range s {
		ts = append(ts, wasm.ValType{Code: map[rune]byte{'i': wasm.I32, 'l': wasm.I64, 'f': wasm.F32, 'r': wasm.FuncRef, 'v': wasm.V128}[c]})
	}
	return ts
}

func instructions(list ...any) []byte {
	var b []byte
	for _, x := range list {
		switch x := x.(type) {
		case wasm.Op:
			b = wasm.AppendOp(b, x)
		case int:
			b = wasm.AppendS64(b, int64(x))
		case byte:
			b = append(b, x)
		case []byte:
			b = append(b, x...)
		}
	}
	return b
}

func vector(items ...[]byte) []byte {
	b := wasm.AppendU32(nil, uint32(len(items)))
	for _, i := range items {
		b = append(b, i...)
	}
	return b
}

func limits(l []uint32) []byte {
	b := wasm.AppendU32([]byte{byte(len(l) - 1)}, l[0])
	if len(l) > 1 {
		b = wasm.AppendU32(b, l[1])
	}
	return b
}

func (s sketch) build() []byte {
	var out []wasm.Section
	add := func(id wasm.SectionID, items ...[]byte) {
		if len(items) > 0 {
			out = append(out, wasm.Section{ID: id, Data: vector(items...)})
		}
	}
	var types, funcs, exports, bodies, elements, datas [][]byte
	exports = append(exports, s.exports...)
	for i, f := range s.funcs {
		types = append(types, wasm.AppendFuncType(nil, wasm.FuncType{Params: letters(f.params), Results: letters(f.results)}))
		funcs = append(funcs, wasm.AppendU32(nil, uint32(i)))
		if f.name != "" {
			exports = append(exports, wasm.AppendU32(append(wasm.AppendName(nil, f.name), wasm.FuncKind), uint32(i+len(s.imports))))
		}
		b := wasm.AppendU32(nil, uint32(len(f.locals)))
		for _, l := range letters(f.locals) {
			b = append(b, 1, l.Code)
		}
		b = append(b, instructions(f.code...)...)
		b = append(b, byte(wasm.End))
		bodies = append(bodies, append(wasm.AppendU32(nil, uint32(len(b))), b...))
	}
	add(wasm.TypeSection, types...)
	add(wasm.ImportSection, s.imports...)
	add(wasm.FunctionSection, funcs...)
	if s.table != nil {
		add(wasm.TableSection, append([]byte{wasm.FuncRef}, limits(s.table)...))
	}
	if s.memory != nil {
		add(wasm.MemorySection, limits(s.memory))
		exports = append(exports, append(wasm.AppendName(nil, "memory"), wasm.MemoryKind, 0))
	}
	if s.global {
		add(wasm.GlobalSection, []byte{wasm.I32, 1, byte(wasm.I32Const), 7, byte(wasm.End)})
	}
	add(wasm.ExportSection, exports...)
	if s.element != nil {
		b := wasm.AppendU32([]byte{0, byte(wasm.I32Const), 0, byte(wasm.End)}, uint32(len(s.element)))
		for _, e := range s.element {
			b = wasm.AppendU32(b, e)
		}
		elements = append(elements, b)
	}
	add(wasm.ElementSection, elements...)
	if s.data != nil {
		out = append(out, wasm.Section{ID: wasm.DataCountSection, Data: wasm.AppendU32(nil, uint32(len(s.data)))})
	}
	add(wasm.CodeSection, bodies...)
	for _, d := range s.data {
		datas = append(datas, append(wasm.AppendU32([]byte{1}, uint32(len(d))), d...))
	}
	add(wasm.DataSection, datas...)
	for _, x := range s.sections {
		if x.ID == wasm.CustomSection {
			out = append(out, x)
			continue
		}
		i, _ := wasm.Place(out, x.ID)
		out = append(out[:i:i], append([]wasm.Section{x}, out[i:]...)...)
	}
	return wasm.Write(out)
}

func custom(name string, content ...byte) wasm.Section {
	return wasm.Section{ID: wasm.CustomSection, Name: name, Data: append(wasm.AppendName(nil, name), content...)}
}
