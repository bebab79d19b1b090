package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// Before a memory.fill, memory.copy or memory.init writes announceFrom bytes or more, at most Piece at once, the host is told
// where: by tick, with a number that no counter can be. It may then have those pages mapped, which is cheaper than the
// fault that each of them costs when it is first written to, and lets the host stop in between. It need not do anything.
//
// The number is announced, with the length in bits 32 to 50 and the address in the lower half. What tick returns for it is
// dropped; a host that wants another counter sets the global. What it says is not a promise: the operation may yet be out of
// bounds.
const (
	announced    = -1 << 62
	announceFrom = 64 << 10
)

// Announced tells whether tick got an announcement instead of a counter, and of what: n bytes of memory from address at
// on, which may be behind its end.
func Announced(counter int64) (at, n uint32, ok bool) {
	if counter < announced || counter >= announced+Piece<<33 {
		return 0, 0, false
	}
	return uint32(counter), uint32(uint64(counter)>>32) & (2*Piece - 1), true
}

// announcePiece announces a piece at the sum of the locals.
func (f *function) announcePiece(at ...uint32) {
	f.local(at[0])
	for _, l := range at[1:] {
		f.local(l)
		f.ops(wasm.I32Add)
	}
	f.ops(wasm.I64ExtendI32U)
	f.i64(announced + Piece<<32)
	f.ops(wasm.I64Or)
	f.announce()
}

// announceRest announces n bytes, at most a piece, at a local, if they are enough.
func (f *function) announceRest(at, n uint32) {
	f.local(n)
	f.i32(announceFrom)
	f.ops(wasm.I32GeU)
	f.when(func() {
		f.wide(n)
		f.i64(32)
		f.ops(wasm.I64Shl)
		f.wide(at)
		f.ops(wasm.I64Or)
		f.i64(announced)
		f.ops(wasm.I64Or)
		f.announce()
	})
}

func (f *function) announce() {
	f.idx(wasm.Call, f.tick)
	f.ops(wasm.Drop)
}
