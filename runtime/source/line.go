package source

import "slices"

// The line number programs of section .debug_line. One belongs to each compilation unit; it builds, row by row, the table
// that leads from addresses to lines. Addresses are offsets from the begin of the code section's contents.
//
// "The line number information generated for a compilation unit is represented in the .debug_line section"
// https://dwarfstd.org/doc/DWARF5.pdf section 6.2
type lineTables struct {
	line, str, lineStr []byte // sections; all but line may be missing
}

// unit is the head of one program.
type unit struct {
	version  uint16
	wide     bool // 64-bit DWARF
	step     uint64
	base     int64 // line_base
	span     uint8 // line_range
	opcodes  uint8 // opcode_base
	operands []byte
	tables   []byte // the lists of folders and files
	program  []byte
}

// match is a row found for an address: a line, and the number of its file in the lists of a unit.
type match struct {
	in           *unit
	file         uint64
	line, column int
}

// find returns the rows that cover addresses, which are sorted.
func (t *lineTables) find(addresses []int) map[int]match {
	found := map[int]match{}
	c := cursor{b: t.line}
	for c.left() > 0 {
		u := readUnit(&c)
		if u == nil {
			break
		}
		u.run(addresses, found)
	}
	return found
}

// readUnit reads the head of the next unit, and goes behind it. It returns nil at the end and for a unit whose
// length makes no sense; one that is not understood otherwise has an empty program.
func readUnit(c *cursor) *unit {
	u := &unit{}
	n := uint64(c.u32())
	if n == 0xffffffff {
		u.wide = true
		n = c.u64()
	}
	if c.bad || n > uint64(c.left()) {
		return nil
	}
	q := cursor{b: c.take(int(n))}
	u.version = q.u16()
	if u.version < 2 || u.version > 5 {
		return &unit{}
	}
	if u.version >= 5 {
		q.u8() // address_size
		q.u8() // segment_selector_size
	}
	head := q.offset(u.wide)
	if q.bad || head > uint64(q.left()) {
		return &unit{}
	}
	h := cursor{b: q.b[q.pos : q.pos+int(head)]}
	u.program = q.b[q.pos+int(head):]
	u.step = uint64(h.u8())
	if u.version >= 4 {
		h.u8() // maximum_operations_per_instruction: this is no VLIW machine
	}
	h.u8() // default_is_stmt
	u.base, u.span, u.opcodes = int64(int8(h.u8())), h.u8(), h.u8()
	if u.operands = h.take(int(u.opcodes) - 1); h.bad || u.span == 0 {
		return &unit{}
	}
	u.tables = h.b[h.pos:]
	return u
}

// Opcodes, standard and extended.
const (
	opCopy = iota + 1
	opAdvanceAddress
	opAdvanceLine
	opSetFile
	opSetColumn
	opNegateStatement
	opSetBlock
	opConstAddAddress
	opFixedAdvance

	opEndSequence = 1
	opSetAddress  = 2
)

// row is a row of the table while it is made.
type row struct {
	address, file uint64
	line, column  int64
}

// run executes a program. Each of its operations is at least a byte long, so it ends.
//
// "A sequence of line table rows ... is terminated by" a row that is no instruction's: the rows between are valid each
// from its address to that of the next. A sequence that begins at address 0, where no function can stand, or at -1 or -2
// is one of code that the linker has dropped.
//
// A row of line 0 is of code that the compiler "cannot attribute to any source line", as what it makes of a loop often is. Who was there when a budget
// ended wants to know where all the same. It counts as the line of the next row that has one, which is in the loop; at the end of a sequence as
// that of the row before. It has no column then.
func (u *unit) run(addresses []int, found map[int]match) {
	c := cursor{b: u.program}
	start := row{file: 1, line: 1}
	r, last := start, start
	fresh, dead := true, false // no row of this sequence yet; the sequence is of dropped code
	var known row              // the last one with a line
	var open *row              // the first one without a line that waits for one with
	emit := func(end bool) {
		switch {
		case fresh:
			known, open = row{}, nil
			dead = r.address == 0 || uint32(r.address) >= 0xfffffffe
		case dead || r.address <= last.address:
		case last.line != 0:
			u.note(addresses, found, &last, r.address)
		case open == nil:
			open = &row{address: last.address, file: last.file}
		}
		if open != nil && (end || r.line != 0) && r.address > open.address {
			with := r
			if end {
				with = known
			}
			if with.line != 0 {
				open.file, open.line = with.file, with.line
			}
			u.note(addresses, found, open, r.address)
			open = nil
		}
		if fresh, last = false, r; r.line != 0 {
			known = r
		}
	}
	for c.left() > 0 {
		op := c.u8()
		switch {
		case op >= u.opcodes:
			n := op - u.opcodes
			r.address += u.step * uint64(n/u.span)
			r.line += u.base + int64(n%u.span)
			emit(false)
		case op == 0:
			n := c.uint()
			if n == 0 || n > uint64(c.left()) {
				return
			}
			q := cursor{b: c.take(int(n))}
			switch q.u8() {
			case opEndSequence:
				emit(true)
				r, fresh = start, true
			case opSetAddress:
				switch q.left() {
				case 4:
					r.address = uint64(q.u32())
				case 8:
					r.address = q.u64()
				}
			}
		case op == opCopy:
			emit(false)
		case op == opAdvanceAddress:
			r.address += u.step * c.uint()
		case op == opAdvanceLine:
			r.line += c.int()
		case op == opSetFile:
			r.file = c.uint()
		case op == opSetColumn:
			r.column = int64(c.uint())
		case op == opNegateStatement, op == opSetBlock:
		case op == opConstAddAddress:
			r.address += u.step * uint64((255-u.opcodes)/u.span)
		case op == opFixedAdvance:
			r.address += uint64(c.u16())
		default:
			for range u.operands[op-1] { // also of opcodes that do not concern us
				c.uint()
			}
		}
		if c.bad {
			return
		}
	}
}

// note takes a row for the addresses from its own up to the next row's. What has a line is not overwritten.
func (u *unit) note(addresses []int, found map[int]match, r *row, until uint64) {
	i, _ := slices.BinarySearchFunc(addresses, r.address, func(a int, at uint64) int {
		switch {
		case a < 0 || uint64(a) < at:
			return -1
		case uint64(a) > at:
			return 1
		}
		return 0
	})
	for ; i < len(addresses) && uint64(addresses[i]) < until; i++ {
		if found[addresses[i]].line == 0 {
			found[addresses[i]] = match{u, r.file, clamp(r.line), clamp(r.column)}
		}
	}
}

// clamp makes a number one that a file can have.
func clamp(n int64) int {
	if n < 0 || n > 1<<30 {
		return 0
	}
	return int(n)
}
