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
	// make an instance of such a module, and could not put it back to what it was.
	Foreign []string

	HasStart bool // code runs when an instance is made
	Tables   []wasm.Limits
	// Entries is how many entries all tables of an instance may come to have: their minimum, or where code makes one
	// longer, the most that it may have then. Nobody is asked when a table grows.
	Entries int64

	// NotesWrites says that the module has a memory of its own and notes what it writes there: see [WrittenGlobal]. NotedFrom is
	// the number of the first page that has a bit. What host functions write is theirs to note.
	NotesWrites bool
	NotedFrom   uint32

	State
}

// State is what of an instance changes while it runs, apart from the bytes of its memory: what a host saves when the
// instance is as it shall begin, and puts back later. To save: call [SaveName] if Saves, then read Globals. To put back:
// set Globals, call [RestoreName] if Saves, and discard the instance if that answers 0.
//
// To shrink a memory that grew: with a memory allocator of its own, a host grows the memory by one page through the engine's
// interface, and has the allocator answer with the shorter slice that it wants instead of a longer one. The engine
// takes over what it gets, and nothing is left of the other pages: accesses to them trap. Only of a memory that has reached
// [Module.MemoryMax] does the engine refuse to ask for a page more; such an instance is discarded.
//
// In another instance of the same module, values that Globals had in the first mean the same, unless Bound.
type State struct {
	// Globals are exports: each mutable global of a number type that the module defines, and what the rewriter added,
	// such as flags for dropped segments. Not the counter.
	Globals []Global

	Saves bool

	// Bound says that some of the state are references, to functions or of the host, in tables or globals. They hold for one
	// instance and no other.
	Bound bool

	// Fixed says that something changes which cannot be put back: an instance serves once.
	Fixed bool
}

// Func is an imported or exported function. Module is empty for an export.
type Func struct {
	Module, Name string
	Type         wasm.FuncType
}

// Global is one global of a number type, exported as Name.
type Global struct {
	Name string
	Type wasm.ValType
}

const maxPages = 65536

// isNumber says whether a host sees the whole value of a global of that type.
func isNumber(t wasm.ValType) bool {
	switch t.Code {
	case wasm.I32, wasm.I64, wasm.F32, wasm.F64:
		return true
	}
	return false
}

// describe gathers what is known from declarations, whose indices have been checked, and from code.
func (w *rewriter) describe() *Module {
	m := w.m
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
		d.MemoryMin, d.MemoryMax, d.MemoryHasMax = l.Min, maxPages, l.HasMax
		if l.HasMax {
			d.MemoryMax = l.Max
		}
	}
	for _, t := range m.AllTables() {
		d.Tables = append(d.Tables, t.Limits)
	}
	d.Entries = w.entries()
	if w.written != nil {
		d.NotesWrites, d.NotedFrom = true, w.written.from
	}
	d.State = w.state()
	return d
}

// entries is Module.Entries. A table of the rewriter's own is a copy of one, as long as that is when it is saved.
func (w *rewriter) entries() (n int64) {
	tables := w.m.AllTables()
	most := make([]int64, len(tables))
	for i, t := range tables {
		most[i] = int64(t.Limits.Min)
		if _, grows := w.injectedAt[injectKey{op: wasm.TableGrow, a: uint32(i)}]; grows {
			most[i] = max(most[i], int64(w.caps.TableEntries))
			if t.Limits.HasMax {
				most[i] = min(most[i], int64(t.Limits.Max))
			}
		}
		n += most[i]
	}
	for _, table := range w.keeper.copied {
		n += most[table]
	}
	return n
}

func (w *rewriter) state() State {
	s := State{Saves: w.saveAt != 0, Bound: w.keptReference || len(w.changed) > 0, Fixed: w.fixed}
	first := w.globals - uint32(len(w.m.Globals))
	for i, g := range w.m.Globals {
		if g.Mutable && isNumber(g.Type) {
			s.Globals = append(s.Globals, Global{Name: globalName(first + uint32(i)), Type: g.Type})
		}
	}
	for _, g := range w.added {
		if g.name != "" && g.name != FuelGlobal && g.name != WrittenGlobal {
			s.Globals = append(s.Globals, Global{Name: g.name, Type: g.typ})
		}
	}
	return s
}
