package wasm

// MaxItems is the most items that a section may have, and five times as many the element segments together. Far above what
// programs have; it keeps what is allocated for a module of many tiny items in bounds.
const MaxItems = 200_000

// items reads the length of a section's vector.
func (r *Reader) items(size int, what string) int {
	at := r.Offset()
	n := r.Count(size, what)
	if n > MaxItems {
		r.unsupported(at, "%d %s, at most %d are supported", n, what, MaxItems)
		return 0
	}
	return n
}

// Decode reads a module. Instructions of function bodies are not looked at: a [Reader] over [Body.Raw] reads them.
func Decode(module []byte) (*Module, error) {
	sections, err := Sections(module)
	if err != nil {
		return nil, err
	}
	m := &Module{Sections: sections}
	for i := range sections {
		s := &sections[i]
		r := NewReader(s.Data, s.Offset)
		switch s.ID {
		case CustomSection:
			continue
		case TypeSection:
			m.readTypes(r)
		case ImportSection:
			m.readImports(r)
		case FunctionSection:
			for n := r.items(1, "functions"); n > 0 && r.err == nil; n-- {
				m.Funcs = append(m.Funcs, r.U32("a type index"))
			}
		case TableSection:
			for n := r.items(3, "tables"); n > 0 && r.err == nil; n-- {
				m.Tables = append(m.Tables, m.readTable(r))
			}
		case MemorySection:
			for n := r.items(2, "memories"); n > 0 && r.err == nil; n-- {
				m.Memories = append(m.Memories, Memory{Offset: r.Offset(), Limits: r.limits()})
			}
		case TagSection:
			for n := r.items(2, "tags"); n > 0 && r.err == nil; n-- {
				m.Tags = append(m.Tags, r.tag())
			}
		case GlobalSection:
			for n := r.items(3, "globals"); n > 0 && r.err == nil; n-- {
				m.Globals = append(m.Globals, r.globalType())
				m.constExpr(r)
			}
		case ExportSection:
			m.readExports(r)
		case StartSection:
			m.HasStart, m.Start = true, m.funcIndex(r)
		case ElementSection:
			for n := r.items(2, "element segments"); n > 0 && r.err == nil; n-- {
				m.readElement(r)
			}
		case CodeSection:
			m.readBodies(r)
		case DataSection:
			for n := r.items(2, "data segments"); n > 0 && r.err == nil; n-- {
				m.readData(r)
			}
		case DataCountSection:
			m.HasDataCount, m.DataCount = true, r.U32("a number of data segments")
		}
		r.End("the section")
		if err := r.Err(); err != nil {
			return nil, err
		}
	}
	// "the lengths of vectors produced by the (possibly empty) function and code section must match up"
	// https://webassembly.github.io/spec/core/binary/modules.html#binary-module
	if len(m.Funcs) != len(m.Bodies) {
		return nil, &Error{Offset: len(module), Problem: "expected as many function bodies as functions"}
	}
	return m, nil
}

func (m *Module) readTypes(r *Reader) {
	for n := r.items(1, "types"); n > 0 && r.err == nil; n-- {
		if r.pos < len(r.buf) && r.buf[r.pos] == 0x4e {
			r.pos++
			for k := r.items(3, "types of a group"); k > 0 && r.err == nil; k-- {
				m.Types = append(m.Types, r.funcType())
				m.Groups++
			}
			m.Groups++ // an empty group takes a place in the section, too
			continue
		}
		m.Types = append(m.Types, r.funcType())
	}
}

func (m *Module) readImports(r *Reader) {
	for n := r.items(4, "imports"); n > 0 && r.err == nil; n-- {
		im := Import{Offset: r.Offset(), Module: r.Name("an import's module"), Name: r.Name("an import's name")}
		at := r.Offset()
		im.Kind = r.Byte("a kind of import")
		switch im.Kind {
		case FuncKind:
			im.Type = r.U32("a type index")
		case TableKind:
			im.Table = m.readTable(r)
		case MemoryKind:
			im.Memory = Memory{Offset: r.Offset(), Limits: r.limits()}
		case GlobalKind:
			im.Global = r.globalType()
		case TagKind:
			im.Type = r.tag().Type
		default:
			r.unsupported(at, "unknown kind of import %d", im.Kind)
		}
		m.Imports = append(m.Imports, im)
	}
}

// readTable reads a table's type, and the first value of its entries if it has one: 0x40 0x00 announces it.
func (m *Module) readTable(r *Reader) Table {
	t := Table{Offset: r.Offset()}
	initial := r.pos < len(r.buf) && r.buf[r.pos] == 0x40
	if initial {
		r.pos++
		if at := r.Offset(); r.Byte("a zero byte") != 0 {
			r.fail(at, "expected a zero byte")
		}
	}
	t.Type = r.ValType()
	t.Limits = r.limits()
	if initial {
		m.constExpr(r)
	}
	return t
}

func (r *Reader) tag() Tag {
	at := r.Offset()
	if r.Byte("a tag's attribute") != 0 {
		r.fail(at, "expected a zero byte")
	}
	return Tag{Offset: at, Type: r.U32("a type index")}
}

func (r *Reader) globalType() Global {
	g := Global{Offset: r.Offset(), Type: r.ValType()}
	at := r.Offset()
	switch c := r.Byte("a mutability"); c {
	case 0, 1:
		g.Mutable = c == 1
	default:
		r.fail(at, "expected a mutability of 0 or 1, found 0x%02x", c)
	}
	return g
}

func (m *Module) readExports(r *Reader) {
	for n := r.items(3, "exports"); n > 0 && r.err == nil; n-- {
		e := Export{Offset: r.Offset(), Name: r.Name("an export's name")}
		at := r.Offset()
		e.Kind = r.Byte("a kind of export")
		switch {
		case e.Kind == FuncKind:
			e.Index = m.funcIndex(r)
		case e.Kind <= TagKind:
			e.Index = r.U32("an index")
		default:
			r.unsupported(at, "unknown kind of export %d", e.Kind)
		}
		m.Exports = append(m.Exports, e)
	}
}

// funcIndex reads a function index and notes its place.
func (m *Module) funcIndex(r *Reader) uint32 {
	at := r.Offset()
	i := r.U32("a function index")
	m.FuncUses = append(m.FuncUses, FuncUse{Offset: at, N: r.Offset() - at, Index: i})
	return i
}

func (m *Module) constExpr(r *Reader) {
	r.ConstExpr(func(pos, n int, index uint32) {
		m.FuncUses = append(m.FuncUses, FuncUse{Offset: r.base + pos, N: n, Index: index})
	})
}

// "The initial integer can be interpreted as a bitfield. Bit 0 distinguishes a passive or declarative segment from an
// active segment, bit 1 indicates the presence of an explicit table index for an active segment and otherwise
// distinguishes passive from declarative segments, bit 2 indicates the use of element type and element expressions
// instead of element kind and element indices."
// https://webassembly.github.io/spec/core/binary/modules.html#element-section
func (m *Module) readElement(r *Reader) {
	e := Element{Offset: r.Offset(), Type: ValType{Code: FuncRef}}
	flags := r.U32("a kind of element segment")
	if flags > 7 {
		r.unsupported(e.Offset, "unknown kind of element segment %d", flags)
	}
	active, explicit, exprs := flags&1 == 0, flags&2 != 0, flags&4 != 0
	if active {
		if explicit {
			e.Table = r.U32("a table index")
		}
		m.constExpr(r)
	}
	if !active || explicit {
		at := r.Offset()
		if exprs {
			e.Type = r.ValType()
		} else if k := r.Byte("a kind of element"); k != 0 {
			r.unsupported(at, "unknown kind of element %d", k)
		}
	}
	at := r.Offset()
	e.Count = r.Count(1, "elements")
	if m.elements += e.Count; m.elements > 5*MaxItems {
		r.unsupported(at, "%d elements, at most %d are supported", m.elements, 5*MaxItems)
	}
	for n := e.Count; n > 0 && r.err == nil; n-- {
		if exprs {
			m.constExpr(r)
		} else {
			m.funcIndex(r)
		}
	}
	m.Elements = append(m.Elements, e)
}

func (m *Module) readBodies(r *Reader) {
	for n := r.items(2, "function bodies"); n > 0 && r.err == nil; n-- {
		size := r.U32("a function body's size")
		b := Body{Offset: r.Offset()}
		b.Raw = r.Bytes(int(size), "a function body")
		q := NewReader(b.Raw, b.Offset)
		for k := q.Count(2, "groups of locals"); k > 0 && q.err == nil; k-- {
			b.Locals += uint64(q.U32("a number of locals"))
			q.ValType()
		}
		b.Code = q.pos
		if q.Left() == 0 || b.Raw[len(b.Raw)-1] != byte(End) {
			q.fail(b.Offset+len(b.Raw), "expected a function body to finish with end")
		}
		if r.err == nil {
			r.err = q.err
		}
		m.Bodies = append(m.Bodies, b)
	}
}

func (m *Module) readData(r *Reader) {
	d := Data{Offset: r.Offset()}
	switch flags := r.U32("a kind of data segment"); flags {
	case 0:
		m.place(r, &d)
	case 1:
		d.Passive = true
	case 2:
		d.Memory = r.U32("a memory index")
		m.place(r, &d)
	default:
		r.unsupported(d.Offset, "unknown kind of data segment %d", flags)
	}
	d.Init = r.Bytes(r.Count(1, "bytes of data"), "a data segment")
	m.Data = append(m.Data, d)
}

// place reads where an active segment goes.
func (m *Module) place(r *Reader, d *Data) {
	from := *r
	m.constExpr(r)
	var at, end Instr
	from.Instr(&at)
	from.Instr(&end)
	if from.Err() == nil && at.Op == I32Const && end.Op == End && from.pos == r.pos {
		d.Const, d.At = true, uint32(at.Value)
	}
}
