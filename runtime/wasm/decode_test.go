package wasm

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func module(sections ...Section) []byte { return Write(sections) }

func section(id SectionID, data ...byte) Section { return Section{ID: id, Data: data} }

func TestSections(t *testing.T) {
	f := func(offset int, problem string, b []byte) {
		t.Helper()
		_, err := Decode(b)
		if problem == "" {
			if err != nil {
				t.Error(err)
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.Offset != offset || !strings.Contains(e.Problem, problem) {
			t.Errorf("%v, want offset 0x%x: %s", err, offset, problem)
		}
	}
	f(0, "", module())
	f(0, "", module(section(CustomSection, 1, 'x'), section(TypeSection, 0), section(CustomSection, 1, 'x', 9)))
	f(0, "", module(section(MemorySection, 0), section(TagSection, 0), section(GlobalSection, 0)))
	f(0, "", module(section(ElementSection, 0), section(DataCountSection, 0), section(CodeSection, 0), section(DataSection, 0)))
	f(0, "core module", []byte("\x00asm"))
	f(11, "out of order", module(section(ImportSection, 0), section(TypeSection, 0)))
	f(11, "out of order", module(section(TypeSection, 0), section(TypeSection, 0)))
	f(11, "out of order", module(section(CodeSection, 0), section(DataCountSection, 0)))
	f(11, "out of order", module(section(GlobalSection, 0), section(TagSection, 0)))
	f(8, "unknown section 14", module(section(14)))
	f(10, "expected 5 bytes of a section, found 1", []byte(Preamble+"\x01\x05\x00"))
	f(10, "expected at most 0 types in the 0 bytes left", module(section(TypeSection, 1)))
	f(11, "end of the section", module(section(TypeSection, 0, 0)))
	f(12, "UTF-8", module(section(ImportSection, 1, 1, 0xff, 0, 0, 0)))
	f(13, "unknown kind of import 9", module(section(ImportSection, 1, 0, 0, 9, 0)))
	f(12, "mutability", module(section(GlobalSection, 1, I32, 2, byte(End))))
	f(13, "constant expression", module(section(GlobalSection, 1, I32, 0, byte(Nop), byte(End))))
	f(12, "200001 functions", module(section(FunctionSection, append(AppendU32(nil, MaxItems+1), make([]byte, MaxItems+1)...)...)))
	f(12, "many function bodies", module(section(FunctionSection, 1, 0)))
}

// Offsets in errors are those of the file, inside nested structures too.
func TestBodyOffsets(t *testing.T) {
	b := module(section(FunctionSection, 1, 0), section(CodeSection, 1, 4, 0, byte(Nop), 0x06, byte(End)))
	m, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	err = readAll(m)
	var e *Error
	if !errors.As(err, &e) || !e.Unsupported || b[e.Offset] != 0x06 {
		t.Errorf("%v in %x", err, b)
	}
}

// readAll reads every instruction of every body.
func readAll(m *Module) error {
	var in Instr
	for _, b := range m.Bodies {
		r := NewReader(b.Raw, b.Offset)
		r.Bytes(b.Code, "locals")
		for r.Left() > 0 {
			r.Instr(&in)
		}
		if err := r.Err(); err != nil {
			return err
		}
	}
	return nil
}

func TestInstructions(t *testing.T) {
	f := func(want Instr, b ...byte) {
		t.Helper()
		r := NewReader(b, 0)
		var in Instr
		r.Instr(&in)
		if r.Err() != nil || r.Left() != 0 {
			t.Errorf("%x: %v, %d bytes left", b, r.Err(), r.Left())
		}
		if in.Op != want.Op || in.Index != want.Index || in.Index2 != want.Index2 || in.Value != want.Value || in.End != len(b) {
			t.Errorf("%x = %+v, want %+v", b, in, want)
		}
	}
	f(Instr{Op: Block, Value: -64}, 0x02, 0x40)
	f(Instr{Op: Loop, Value: 5}, 0x03, 0x05)
	f(Instr{Op: If, Value: RefNullable - 0x80}, 0x04, RefNullable, 3)
	f(Instr{Op: Br, Index: 300}, 0x0c, 0xac, 2)
	f(Instr{Op: BrTable}, 0x0e, 2, 1, 2, 3)
	f(Instr{Op: Call, Index: 7}, 0x10, 0x87, 0)
	f(Instr{Op: CallIndirect, Index: 1, Index2: 2}, 0x11, 1, 2)
	f(Instr{Op: SelectTyped}, 0x1c, 1, I32)
	f(Instr{Op: TryTable, Value: -64}, 0x1f, 0x40, 2, 0, 1, 2, 3, 4)
	f(Instr{Op: 0x28, Value: 128}, 0x28, 2, 0x80, 1)
	f(Instr{Op: 0xfd58, Value: 7}, 0xfd, 0x58, 0, 7, 1)
	f(Instr{Op: MemoryGrow}, 0x40, 0)
	f(Instr{Op: I32Const, Value: -5}, 0x41, 0x7b)
	f(Instr{Op: F32Const}, 0x43, 1, 2, 3, 4)
	f(Instr{Op: F64Const}, 0x44, 1, 2, 3, 4, 5, 6, 7, 8)
	f(Instr{Op: RefNull}, 0xd0, FuncRef)
	f(Instr{Op: RefFunc, Index: 3}, 0xd2, 3)
	f(Instr{Op: 0xfc00}, 0xfc, 0x80, 0)
	f(Instr{Op: MemoryInit, Index: 4}, 0xfc, 8, 4, 0)
	f(Instr{Op: MemoryCopy}, 0xfc, 10, 0, 0)
	f(Instr{Op: TableCopy, Index: 1, Index2: 2}, 0xfc, 14, 1, 2)
	f(Instr{Op: V128Const}, append([]byte{0xfd, 12}, make([]byte, 16)...)...)
	f(Instr{Op: 0xfd15}, 0xfd, 0x15, 1)
	f(Instr{Op: 0xfd54}, 0xfd, 0x54, 0, 0, 7)
	f(Instr{Op: 0xfdff}, 0xfd, 0xff, 1)
	f(Instr{Op: AtomicFence}, 0xfe, 3, 0)
	f(Instr{Op: 0xfe4e}, 0xfe, 0x4e, 3, 0)
}

func TestWriteIsExact(t *testing.T) {
	// A size of more bytes than it needs survives.
	b := []byte(Preamble + "\x01\x81\x80\x00\x00" + "\x00\x82\x00\x01x")
	s, err := Sections(b)
	if err != nil || !bytes.Equal(Write(s), b) {
		t.Errorf("%x, %v, want %x", Write(s), err, b)
	}
}

func TestPlace(t *testing.T) {
	s := []Section{{ID: CustomSection}, {ID: TypeSection}, {ID: MemorySection}, {ID: CustomSection}, {ID: CodeSection}}
	f := func(id SectionID, at int, there bool) {
		t.Helper()
		if i, ok := Place(s, id); i != at || ok != there {
			t.Errorf("section %d: %d, %v", id, i, ok)
		}
	}
	f(TypeSection, 1, true)
	f(ImportSection, 2, false)
	f(TagSection, 4, false)
	f(DataCountSection, 4, false)
	f(CodeSection, 4, true)
	f(DataSection, 5, false)
}
