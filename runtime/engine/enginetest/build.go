package enginetest

import (
	"bytes"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Module is a module under construction. Functions are numbered in the order of Import and Func; all imports come first.
type Module struct {
	types, imports, others, funcs, exports, bodies []byte
	nTypes, nImports, nOthers, nFuncs, nExports    uint32
	nMemories                                      uint32
	memory, table, start                           []byte
	Globals                                        [][]byte   // each a type, its mutability and its value's expression
	Data                                           [][]byte   // each a passive segment
	Elements                                       [][]uint32 // each an active segment of functions, for table 0 from entry 0
}

// Types in signatures: i is i32, I is i64, f is f32, F is f64.
func valTypes(s string) []byte {
	out := wasm.AppendU32(nil, uint32(len(s)))
	for _, c := range s {
		out = append(out, map[rune]byte{'i': wasm.I32, 'I': wasm.I64, 'f': wasm.F32, 'F': wasm.F64}[c])
	}
	return out
}

// Type adds a function type and returns its index.
func (m *Module) Type(params, results string) uint32 {
	m.types = append(append(append(m.types, 0x60), valTypes(params)...), valTypes(results)...)
	m.nTypes++
	return m.nTypes - 1
}

// Import adds an imported function and returns its index.
func (m *Module) Import(module, name, params, results string) uint32 {
	t := m.Type(params, results)
	m.imports = append(wasm.AppendName(wasm.AppendName(m.imports, module), name), 0)
	m.imports = wasm.AppendU32(m.imports, t)
	m.nImports++
	return m.nImports - 1
}

// ImportOther adds an import that is no function; desc is its kind and type.
func (m *Module) ImportOther(module, name string, desc ...byte) {
	m.others = append(wasm.AppendName(wasm.AppendName(m.others, module), name), desc...)
	m.nOthers++
}

// Func adds a function with a body of code, without its end, and exports it unless name is empty. The locals are beside
// its parameters. It returns the function's index.
func (m *Module) Func(name, params, results, locals string, code ...byte) uint32 {
	t := m.Type(params, results)
	index := m.nImports + m.nFuncs
	m.funcs = wasm.AppendU32(m.funcs, t)
	m.nFuncs++
	body := wasm.AppendU32(nil, uint32(len(locals)))
	for _, c := range locals {
		body = append(append(body, 1), valTypes(string(c))[1])
	}
	body = append(append(body, code...), 0x0b)
	m.bodies = append(wasm.AppendU32(m.bodies, uint32(len(body))), body...)
	if name != "" {
		m.Export(name, 0, index)
	}
	return index
}

// Export adds an export of a kind: 0 function, 1 table, 2 memory, 3 global.
func (m *Module) Export(name string, kind byte, index uint32) {
	m.exports = wasm.AppendU32(append(wasm.AppendName(m.exports, name), kind), index)
	m.nExports++
}

// Memory declares the memory, in pages; most 0 is no maximum.
func (m *Module) Memory(least, most uint32) { m.memory = limits(nil, least, most) }

// Memories says how often the memory is declared, for modules that should be refused.
func (m *Module) Memories(n int) { m.nMemories = uint32(n) }

// Table declares a table of functions.
func (m *Module) Table(least, most uint32) { m.table = limits([]byte{0x70}, least, most) }

func limits(b []byte, least, most uint32) []byte {
	if most == 0 {
		return wasm.AppendU32(append(b, 0), least)
	}
	return wasm.AppendU32(wasm.AppendU32(append(b, 1), least), most)
}

// Start names the start function.
func (m *Module) Start(index uint32) { m.start = wasm.AppendU32(nil, index) }

// Bytes returns the module.
func (m *Module) Bytes() []byte {
	out := []byte(wasm.Preamble)
	section := func(id wasm.SectionID, count uint32, content []byte) {
		if count == 0 {
			return
		}
		content = append(wasm.AppendU32(nil, count), content...)
		out = append(wasm.AppendU32(append(out, byte(id)), uint32(len(content))), content...)
	}
	one := func(b []byte) uint32 { return uint32(min(len(b), 1)) }
	section(wasm.TypeSection, m.nTypes, m.types)
	section(wasm.ImportSection, m.nImports+m.nOthers, append(m.imports[:len(m.imports):len(m.imports)], m.others...))
	section(wasm.FunctionSection, m.nFuncs, m.funcs)
	section(wasm.TableSection, one(m.table), m.table)
	memories := max(m.nMemories, one(m.memory))
	section(wasm.MemorySection, memories, bytes.Repeat(m.memory, int(memories)))
	var globals []byte
	for _, g := range m.Globals {
		globals = append(globals, g...)
	}
	section(wasm.GlobalSection, uint32(len(m.Globals)), globals)
	section(wasm.ExportSection, m.nExports, m.exports)
	if m.start != nil {
		out = append(wasm.AppendU32(append(out, byte(wasm.StartSection)), uint32(len(m.start))), m.start...)
	}
	var elements, data []byte
	for _, functions := range m.Elements {
		elements = append(append(elements, 0), append(I32(0), 0x0b)...)
		elements = wasm.AppendU32(elements, uint32(len(functions)))
		for _, f := range functions {
			elements = wasm.AppendU32(elements, f)
		}
	}
	section(wasm.ElementSection, uint32(len(m.Elements)), elements)
	section(wasm.DataCountSection, uint32(len(m.Data)), nil)
	section(wasm.CodeSection, m.nFuncs, m.bodies)
	for _, d := range m.Data {
		data = append(wasm.AppendU32(append(data, 1), uint32(len(d))), d...)
	}
	section(wasm.DataSection, uint32(len(m.Data)), data)
	return out
}
