package source

import (
	"bytes"
	"debug/dwarf"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// program writes a line number program of version 4 with two folders and three files.
type program struct{ b []byte }

func (p *program) head() []byte {
	h := []byte{1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1} // step, ops, statement, base -5, range 14, opcodes
	h = append(h, "src\x00/lib/c\x00\x00"...)
	h = append(h, "main.c\x00\x00\x00\x00"...)
	h = append(h, "parse.c\x00\x01\x00\x00"...)
	return append(h, "mem.c\x00\x02\x00\x00\x00"...)
}

func (p *program) set(address uint32) *program {
	p.b = binary.LittleEndian.AppendUint32(append(p.b, 0, 5, opSetAddress), address)
	return p
}
func (p *program) advance(n byte) *program  { p.b = append(p.b, opAdvanceAddress, n); return p }
func (p *program) line(by int8) *program    { p.b = append(p.b, opAdvanceLine, byte(by)&0x7f); return p }
func (p *program) column(n byte) *program   { p.b = append(p.b, opSetColumn, n); return p }
func (p *program) file(n byte) *program     { p.b = append(p.b, opSetFile, n); return p }
func (p *program) copy() *program           { p.b = append(p.b, opCopy); return p }
func (p *program) special(op byte) *program { p.b = append(p.b, op); return p }
func (p *program) end(advance byte) *program {
	p.b = append(p.advance(advance).b, 0, 1, opEndSequence)
	return p
}

func (p *program) unit() []byte {
	h := p.head()
	u := binary.LittleEndian.AppendUint32([]byte{4, 0}, uint32(len(h)))
	u = append(append(u, h...), p.b...)
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(u))), u...)
}

func look(t lineTables, addresses ...int) string {
	var out []string
	slices.Sort(addresses)
	found := t.find(addresses)
	for _, a := range addresses {
		m, ok := found[a]
		if !ok {
			out = append(out, fmt.Sprintf("%d -", a))
			continue
		}
		out = append(out, fmt.Sprintf("%d %v", a, Position{t.fileName(m.in, m.file), m.line, m.column}))
	}
	return strings.Join(out, "; ")
}

func TestLines(t *testing.T) {
	f := func(name string, units [][]byte, want string, addresses ...int) {
		t.Helper()
		if got := look(lineTables{line: bytes.Join(units, nil)}, addresses...); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
	one := new(program).set(100).line(9).copy().advance(5).line(1).column(7).file(2).copy().special(13 + 14*3 + 6).end(10).unit()
	f("rows last until the next", [][]byte{one}, "99 -; 100 main.c:10; 104 main.c:10; 105 src/parse.c:11:7; 107 src/parse.c:11:7; 108 src/parse.c:12:7; 117 src/parse.c:12:7; 118 -",
		99, 100, 104, 105, 107, 108, 117, 118)
	two := new(program).set(200).file(3).copy().end(50).set(40).line(4).copy().end(1).unit()
	f("units and sequences in any order", [][]byte{two, one}, "40 main.c:5; 41 -; 100 main.c:10; 249 /lib/c/mem.c:1", 40, 41, 100, 249)
	f("dropped code", [][]byte{new(program).set(0).copy().end(100).set(0xffffffff).copy().end(90).set(0xfffffffe).copy().end(90).unit(), one}, "50 -; 100 main.c:10", 50, 100)
	f("no such file", [][]byte{new(program).set(7).file(9).copy().end(1).unit()}, "7 :1", 7)
	f("line 0 gives way", [][]byte{new(program).set(7).line(-1).copy().end(2).unit(), new(program).set(8).line(3).copy().end(1).unit()}, "7 main.c; 8 main.c:4", 7, 8)
	f("line 0 counts as the next line, or as the one before", [][]byte{
		new(program).set(100).line(9).column(5).copy().advance(5).line(-10).copy().advance(1).copy().advance(4).line(20).copy().advance(2).line(-20).copy().end(2).unit()},
		"100 main.c:10:5; 105 main.c:20; 109 main.c:20; 110 main.c:20:5; 112 main.c:20; 113 main.c:20", 100, 105, 109, 110, 112, 113)
	f("a version of the future", [][]byte{{6, 0, 0, 0, 9, 0, 1, 2, 3, 4}, one}, "100 main.c:10", 100)
	f("cut", [][]byte{one[:len(one)-1]}, "100 -", 100)
	f("empty", nil, "1 -", 1)
}

func TestVersion5(t *testing.T) {
	h := []byte{1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1}
	h = append(h, 1, contentPath, formLineStr, 2, 0, 0, 0, 0, 5, 0, 0, 0)                  // /home, lib
	h = append(h, 3, contentPath, formLineStr, contentFolder, formUdata, 5, formData16, 2) // two files with a hash
	h = append(h, 10, 0, 0, 0, 0)                                                          // main.c in 0
	h = append(h, make([]byte, 16)...)
	h = append(h, 17, 0, 0, 0, 1) // m.c in 1
	h = append(h, make([]byte, 16)...)
	strings := []byte("home\x00/lib\x00main.c\x00m.c\x00")
	p := new(program).set(3).file(0).copy().advance(2).file(1).copy().end(1)
	u := binary.LittleEndian.AppendUint32([]byte{5, 0, 4, 0}, uint32(len(h)))
	u = append(append(u, h...), p.b...)
	u = append(binary.LittleEndian.AppendUint32(nil, uint32(len(u))), u...)
	if got, want := look(lineTables{line: u, lineStr: strings}, 3, 5), "3 main.c:1; 5 /lib/m.c:1"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A table that states more files than there are bytes costs nothing.
func TestStatedCounts(t *testing.T) {
	h := []byte{1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1}
	h = append(h, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)
	p := new(program).set(3).file(0).copy().end(1)
	u := binary.LittleEndian.AppendUint32([]byte{5, 0, 4, 0}, uint32(len(h)))
	u = append(append(u, h...), p.b...)
	u = append(binary.LittleEndian.AppendUint32(nil, uint32(len(u))), u...)
	if n := testing.AllocsPerRun(10, func() { look(lineTables{line: u}, 3) }); n > 20 {
		t.Errorf("%v allocations", n)
	}
	if got := look(lineTables{line: u}, 3); got != "3 :1" {
		t.Errorf("got %s", got)
	}
}

func TestCleanNames(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := clean(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	f("src/größe.c", "src/größe.c")
	f("a\x1b[31m\nb", "a?[31m?b")
	f("\xff\xfe.c", "?.c")
}

// scripted makes a program that is well formed of any bytes.
func scripted(script []byte) *program {
	p := new(program)
	c := cursor{b: script}
	for c.left() > 0 {
		switch op := c.u8(); op % 12 {
		case 0:
			p.set(uint32(c.u8()))
		case 1:
			p.advance(c.u8() & 0x7f)
		case 2:
			p.line(int8(c.u8() & 0x7f))
		case 3:
			p.column(c.u8() & 0x7f)
		case 4:
			p.file(c.u8() & 0x7f)
		case 5:
			p.copy()
		case 6:
			p.end(c.u8() & 0x7f)
		case 7:
			p.b = append(p.b, opNegateStatement, opSetBlock, opConstAddAddress)
		case 8:
			p.b = append(p.b, opFixedAdvance, c.u8(), 0)
		case 9:
			p.b = append(p.b, 10, 11, 12, c.u8()&0x7f) // end of prologue, begin of epilogue, instruction set
		case 10:
			p.b = append(p.b, 0, 3, 4, c.u8()&0x7f, 0) // discriminator, with something behind it
		default:
			p.special(max(13, c.u8()))
		}
	}
	return p
}

// FuzzLines: no panic, whatever the bytes. What is well formed is read as the standard library reads it.
func FuzzLines(f *testing.F) {
	f.Add(new(program).set(100).line(9).copy().advance(5).line(1).column(7).file(2).copy().special(61).end(10).unit(), []byte{0, 9, 5, 1, 8, 5, 6, 2})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 5, 0}, []byte{0, 200, 11, 99, 5, 0, 40, 5, 7, 5, 8, 3, 5, 6, 1, 4, 2, 2, 120, 5, 6, 50})
	var addresses []int
	for a := range 300 {
		addresses = append(addresses, a)
	}
	f.Fuzz(func(t *testing.T, raw, script []byte) {
		lines := lineTables{line: raw, str: raw, lineStr: raw}
		for _, m := range lines.find(addresses) {
			lines.fileName(m.in, m.file)
		}
		b := scripted(script).unit()
		rows, ok := reference(b)
		if !ok {
			return // a line below 0, for example
		}
		want := map[int]dwarf.LineEntry{}
		begin := 0
		for i := range rows {
			if rows[i].EndSequence || i == len(rows)-1 {
				cover(want, rows[begin:i+1])
				begin = i + 1
			}
		}
		lines = lineTables{line: b}
		found := lines.find(addresses)
		for a := range 300 {
			w, ok := want[a]
			m, got := found[a]
			if ok != got {
				t.Fatalf("address %d: %+v (%v), want %+v (%v)", a, m, got, w, ok)
			}
			name := ""
			if ok && w.File != nil {
				name = strings.TrimPrefix(w.File.Name, "/") // the reference has a folder 0 that is empty
			}
			if ok && (m.line != w.Line || m.column != w.Column || strings.TrimPrefix(lines.fileName(m.in, m.file), "/") != name) {
				t.Fatalf("address %d: %+v, want %+v", a, m, w)
			}
		}
	})
}

// cover enters a sequence's rows into the answer, the way it is written in run's comment.
func cover(want map[int]dwarf.LineEntry, rows []dwarf.LineEntry) {
	if s := rows[0].Address; s == 0 || uint32(s) >= 0xfffffffe {
		return
	}
	enter := func(r dwarf.LineEntry, until uint64) {
		for a := r.Address; a < min(300, until); a++ {
			if w, ok := want[int(a)]; !ok || w.Line == 0 {
				want[int(a)] = r
			}
		}
	}
	var known dwarf.LineEntry
	var open *dwarf.LineEntry
	for i, r := range rows {
		if i > 0 && r.Address > rows[i-1].Address {
			if before := rows[i-1]; before.Line != 0 {
				enter(before, r.Address)
			} else if open == nil {
				open = &dwarf.LineEntry{Address: before.Address, File: before.File}
			}
		}
		if open != nil && (r.EndSequence || r.Line != 0) && r.Address > open.Address {
			with := r
			if r.EndSequence {
				with = known
			}
			if with.Line != 0 {
				open.File, open.Line = with.File, with.Line
			}
			enter(*open, r.Address)
			open = nil
		}
		if r.Line != 0 {
			known = r
		}
	}
}

// reference reads one unit with the standard library, if that understands all of it. It must not be given one of version 5:
// what it makes of counts there would end the process.
func reference(b []byte) (rows []dwarf.LineEntry, ok bool) {
	info := []byte{8 + 4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0}
	d, err := dwarf.New([]byte{1, 0x11, 0, 0x10, 0x17, 0, 0, 0}, nil, nil, info, b, nil, nil, nil)
	if err != nil {
		return nil, false
	}
	cu, err := d.Reader().Next()
	if err != nil {
		return nil, false
	}
	r, err := d.LineReader(cu)
	if err != nil || r == nil {
		return nil, false
	}
	for {
		var e dwarf.LineEntry
		switch err := r.Next(&e); {
		case err == io.EOF:
			return rows, true
		case err != nil, e.Line < 0, e.Line > 1<<30, e.Column < 0, e.OpIndex != 0:
			return nil, false
		}
		rows = append(rows, e)
	}
}

// The reference understands what the seeds of FuzzLines are made of, so it is one.
func TestReference(t *testing.T) {
	rows, ok := reference(new(program).set(100).copy().end(10).unit())
	if !ok || len(rows) != 2 || rows[0].Address != 100 || !rows[1].EndSequence {
		t.Errorf("%v, %v", rows, ok)
	}
}
