package wasm

// Kinds of imports and exports.
const (
	FuncKind = iota
	TableKind
	MemoryKind
	GlobalKind
	TagKind
)

// Module is a module's contents. Everything in it is part of the input, and in the order of the file.
type Module struct {
	Sections []Section
	Types    []FuncType // of groups too
	Groups   int        // types that stand in recursive groups
	Imports  []Import
	Funcs    []uint32 // types of the functions that are defined here
	Tables   []Table
	Memories []Memory
	Tags     []Tag
	Globals  []Global
	Exports  []Export
	HasStart bool
	Start    uint32
	Elements []Element
	Bodies   []Body
	Data     []Data

	HasDataCount bool
	DataCount    uint32 // as the module states it

	// FuncUses are the function indices outside of code: exports, start, element segments, constant expressions.
	FuncUses []FuncUse

	elements int // entries of all segments
}

// Import is one import; what it is depends on Kind.
type Import struct {
	Offset       int
	Module, Name string
	Kind         byte
	Type         uint32 // FuncKind, TagKind
	Table        Table
	Memory       Memory
	Global       Global
}

// Table is a table's type.
type Table struct {
	Offset int
	Type   ValType
	Limits Limits
}

// Memory is a memory's type.
type Memory struct {
	Offset int
	Limits Limits
}

// Tag is an exception's type.
type Tag struct {
	Offset int
	Type   uint32
}

// Global is a global's type.
type Global struct {
	Offset  int
	Type    ValType
	Mutable bool
}

// Export is one export.
type Export struct {
	Offset int
	Name   string
	Kind   byte
	Index  uint32
}

// Element is an element segment.
type Element struct {
	Offset int
	Table  uint32 // of an active one
	Type   ValType
	Count  int
}

// Data is a data segment.
type Data struct {
	Offset  int
	Passive bool
	Memory  uint32 // of an active one
	Const   bool   // it is active, and its place is one i32.const: At
	At      uint32
	Init    []byte
}

// Body is a function's code: the declaration of its locals, and from Code on its instructions.
type Body struct {
	Offset int // of Raw in the module
	Raw    []byte
	Code   int
	Locals uint64 // declared ones, without parameters
}

// FuncUse is the place of a function index: N bytes at Offset of the module.
type FuncUse struct {
	Offset, N int
	Index     uint32
}

// Imported counts the imports of a kind.
func (m *Module) Imported(kind byte) int {
	n := 0
	for i := range m.Imports {
		if m.Imports[i].Kind == kind {
			n++
		}
	}
	return n
}

// AllFuncs are the types of the imported functions and then of the defined ones, by index.
func (m *Module) AllFuncs() []uint32 {
	var list []uint32
	for i := range m.Imports {
		if m.Imports[i].Kind == FuncKind {
			list = append(list, m.Imports[i].Type)
		}
	}
	return append(list, m.Funcs...)
}

// AllTables are the imported tables and then the defined ones, by index.
func (m *Module) AllTables() []Table {
	var list []Table
	for i := range m.Imports {
		if m.Imports[i].Kind == TableKind {
			list = append(list, m.Imports[i].Table)
		}
	}
	return append(list, m.Tables...)
}

// AllMemories are the imported memories and then the defined ones, by index.
func (m *Module) AllMemories() []Memory {
	var list []Memory
	for i := range m.Imports {
		if m.Imports[i].Kind == MemoryKind {
			list = append(list, m.Imports[i].Memory)
		}
	}
	return append(list, m.Memories...)
}
