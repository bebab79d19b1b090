package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// Module is a rewritten module, and what its host should know of it without reading it again.
type Module struct {
	Wasm []byte

	HasMemory      bool
	MemoryImported bool
	MemoryMin      uint32 // pages of 64 KiB
	MemoryMax      uint32 // 65536 if the module declares none
	MemoryHasMax   bool

	Imports []Func // functions, without tick
	Exports []Func // functions

	// Foreign are imports that are not functions: memories, tables, globals. A host that offers only functions cannot
	// make an instance of such a module.
	Foreign []string

	// Globals are the exports by which every mutable global that the module defines can be saved and put back. Of a
	// global of type v128 the engine's interface shows only half: a module with one cannot be reset this way.
	Globals []Global

	HasStart bool // code runs when an instance is made
	Tables   []wasm.Limits

	// State of an instance that is neither memory nor a global, and that a host cannot put back: whether any function
	// changes or grows a table, or drops a segment.
	ChangesTables, DropsSegments bool
}

// Func is an imported or exported function. Module is empty for an export.
type Func struct {
	Module, Name string
	Type         wasm.FuncType
}

// Global is one mutable global, exported as Name.
type Global struct {
	Name string
	Type wasm.ValType
}

// describe gathers what is known from declarations, whose indices have been checked.
func describe(m *wasm.Module) *Module {
	d := &Module{HasStart: m.HasStart}
	funcs := m.AllFuncs()
	for _, im := range m.Imports {
		if im.Kind != wasm.FuncKind {
			d.Foreign = append(d.Foreign, im.Module+"."+im.Name)
			continue
		}
		d.Imports = append(d.Imports, Func{Module: im.Module, Name: im.Name, Type: m.Types[im.Type]})
	}
	for _, e := range m.Exports {
		if e.Kind == wasm.FuncKind {
			d.Exports = append(d.Exports, Func{Name: e.Name, Type: m.Types[funcs[e.Index]]})
		}
	}
	if list := m.AllMemories(); len(list) > 0 {
		l := list[0].Limits
		d.HasMemory, d.MemoryImported = true, len(m.Memories) == 0
		d.MemoryMin, d.MemoryMax, d.MemoryHasMax = l.Min, 65536, l.HasMax
		if l.HasMax {
			d.MemoryMax = l.Max
		}
	}
	first := uint32(m.Imported(wasm.GlobalKind))
	for i, g := range m.Globals {
		if g.Mutable {
			d.Globals = append(d.Globals, Global{Name: globalName(first + uint32(i)), Type: g.Type})
		}
	}
	for _, t := range m.AllTables() {
		d.Tables = append(d.Tables, t.Limits)
	}
	return d
}
