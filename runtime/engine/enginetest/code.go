package enginetest

import "github.com/wedgecdn/wedge/runtime/wasm"

// Code joins instructions.
func Code(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// Op is an instruction without immediates, or any bytes.
func Op(b ...byte) []byte { return b }

// I32 is i32.const.
func I32(v int32) []byte { return wasm.AppendS64([]byte{0x41}, int64(v)) }

// I64 is i64.const.
func I64(v int64) []byte { return wasm.AppendS64([]byte{0x42}, v) }

// Call is call.
func Call(f uint32) []byte { return wasm.AppendU32([]byte{0x10}, f) }

// Get is local.get.
func Get(local uint32) []byte { return wasm.AppendU32([]byte{0x20}, local) }

// Set is local.set.
func Set(local uint32) []byte { return wasm.AppendU32([]byte{0x21}, local) }

// Forever is a loop around its parts that never ends.
func Forever(parts ...[]byte) []byte {
	return Code(Op(0x03, 0x40), Code(parts...), Op(0x0c, 0x00, 0x0b))
}

// Instructions that need no more than their bytes.
var (
	Unreachable = Op(0x00)
	Drop        = Op(0x1a)
	Load32      = Op(0x28, 2, 0) // i32.load
	Store32     = Op(0x36, 2, 0) // i32.store
	Grow        = Op(0x40, 0)    // memory.grow
	Size        = Op(0x3f, 0)    // memory.size
	Fill        = Op(0xfc, 11, 0)
	Add32       = Op(0x6a)
	Div32       = Op(0x6d)
)
