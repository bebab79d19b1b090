package wasm

// Instr is one instruction as it was read. Positions are those of the [Reader]; Labels are valid until its next
// instruction.
type Instr struct {
	Op  Op
	Pos int // of the instruction's first byte
	Imm int // of its first immediate, or of its end
	End int

	Index  uint32 // the first index among its immediates: label, function, type, local, global, table, segment
	Index2 uint32 // the second: table of call_indirect and table.init, source table of table.copy
	IndexN int    // bytes that Index takes, from Imm
	Value  int64  // of i32.const and i64.const; the block type of block, loop and if: see [Reader.BlockType]; the offset of a load or store
	Labels []uint32
}

// Instr reads the next instruction into in.
func (r *Reader) Instr(in *Instr) {
	in.Pos = r.pos
	in.Index, in.Index2, in.IndexN, in.Value, in.Labels = 0, 0, 0, 0, nil
	op := Op(r.Byte("an instruction"))
	if op >= prefixMisc && op <= prefixAtomic {
		op = r.prefixed(op)
	}
	in.Op, in.Imm = op, r.pos
	f := forms[op&0xff]
	if op > 0xff {
		f = formOf(op)
	}
	r.immediates(in, f)
	in.End = r.pos
}

// prefixed reads the number after a prefix byte.
//
// The specification lets that number have superfluous zero bytes. The engine obeys for 0xfc; after 0xfd and 0xfe it
// takes one byte and no more, and runs the second byte of a two-byte number, 0x01, as a nop. To see the same instructions
// as the engine does, whatever the bytes, only that one spelling is read here.
func (r *Reader) prefixed(prefix Op) Op {
	start := r.Offset() - 1
	switch prefix {
	case prefixMisc:
		if n := r.U32("an instruction's number"); n <= 0xff {
			return prefix<<8 | Op(n)
		}
	case prefixVector:
		n := r.Byte("an instruction's number")
		if n < 0x80 || r.Byte("an instruction's number") == 1 {
			return prefix<<8 | Op(n)
		}
	default:
		if n := r.Byte("an instruction's number"); n < 0x80 {
			return prefix<<8 | Op(n)
		}
	}
	r.unsupported(start, "unknown instruction after prefix 0x%02x", uint16(prefix))
	return Nop
}

func (r *Reader) immediates(in *Instr, f form) {
	switch f {
	case bare:
	case label, function, index:
		in.Index = r.U32("an index")
		in.IndexN = r.pos - in.Imm
	case block:
		in.Value = r.BlockType()
	case labels:
		n := r.Count(1, "branch targets")
		r.labels = r.labels[:0]
		for i := 0; i <= n && r.err == nil; i++ {
			r.labels = append(r.labels, r.U32("a branch target"))
		}
		in.Labels = r.labels
	case indirect, indexPair:
		in.Index = r.U32("an index")
		in.IndexN = r.pos - in.Imm
		in.Index2 = r.U32("an index")
	case memoryByte:
		r.memoryIndex()
	case memoryPair:
		r.memoryIndex()
		r.memoryIndex()
	case memorySeg:
		in.Index = r.U32("a data segment")
		in.IndexN = r.pos - in.Imm
		r.memoryIndex()
	case memarg:
		in.Value = int64(r.memarg())
	case memargLane:
		in.Value = int64(r.memarg())
		r.Byte("a lane")
	case lane:
		r.Byte("a lane")
	case lanes:
		r.Bytes(16, "a vector")
	case i32:
		in.Value = int64(r.S32("a 32-bit constant"))
	case i64:
		in.Value = r.S64("a 64-bit constant")
	case f32:
		r.Bytes(4, "a float constant")
	case f64:
		r.Bytes(8, "a float constant")
	case heapType:
		r.heapType()
	case typeVector:
		for n := r.Count(1, "types"); n > 0 && r.err == nil; n-- {
			r.ValType()
		}
	case tryTable:
		in.Value = r.BlockType()
		r.catches(in)
	case zeroByte:
		if at := r.Offset(); r.Byte("a zero byte") != 0 {
			r.fail(at, "expected a zero byte")
		}
	default:
		r.unsupported(r.base+in.Pos, "unknown instruction %v", in.Op)
	}
}

// memoryIndex reads the index of the one memory that a module may have.
func (r *Reader) memoryIndex() {
	if at := r.Offset(); r.Byte("a memory index") != 0 {
		r.unsupported(at, "expected memory 0 in one byte: more memories than one are not supported")
	}
}

// memarg reads an alignment and an offset. From 64 on the alignment's bits announce a memory index.
func (r *Reader) memarg() (offset uint32) {
	at := r.Offset()
	switch a := r.U32("an alignment"); {
	case a >= 64 && a < 128:
		r.unsupported(at, "memory index in a load or store: more memories than one are not supported")
	case a >= 32:
		r.fail(at, "expected an alignment below 32, found %d", a)
	}
	return r.U32("a memory offset")
}

// catches reads the handlers of a try_table; Labels are where they branch to.
func (r *Reader) catches(in *Instr) {
	r.labels = r.labels[:0]
	for n := r.Count(2, "catch clauses"); n > 0 && r.err == nil; n-- {
		at := r.Offset()
		switch k := r.Byte("a catch clause"); k {
		case 0, 1: // catch, catch_ref
			r.U32("a tag index")
		case 2, 3: // catch_all, catch_all_ref
		default:
			r.fail(at, "expected a catch clause, found kind %d", k)
		}
		r.labels = append(r.labels, r.U32("a branch target"))
	}
	in.Labels = r.labels
}

// ConstExpr skips a constant expression and reports the function indices in it.
func (r *Reader) ConstExpr(funcRef func(pos, n int, index uint32)) {
	var in Instr
	for r.err == nil {
		r.Instr(&in)
		if r.err != nil {
			return
		}
		switch in.Op {
		case End:
			return
		case RefFunc:
			funcRef(in.Imm, in.IndexN, in.Index)
		case I32Const, I64Const, F32Const, F64Const, GlobalGet, RefNull, V128Const,
			I32Add, I32Sub, I32Mul, I64Add, I64Sub, I64Mul:
		default:
			r.unsupported(r.base+in.Pos, "instruction %v in a constant expression", in.Op)
		}
	}
}
