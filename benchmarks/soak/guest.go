package main

import (
	"encoding/binary"

	asm "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// setter is a function that sets X-Fn to four letters on each response.
func setter(value string) []byte {
	m := &asm.Module{}
	m.Memory(1, 0)
	set := m.Import("wedge", "field_set", "iiiii", "i")
	store := func(at int32, text string) []byte {
		return asm.Code(asm.I32(at), asm.I32(int32(binary.LittleEndian.Uint32([]byte(text)))), asm.Store32)
	}
	const response = 1
	m.Func("on_response", "", "i", "", asm.Code(store(0, "X-Fn"), store(4, value), asm.I32(response), asm.I32(0), asm.I32(4), asm.I32(4), asm.I32(4), asm.Call(set))...)
	m.Func("wedge_abi_v1", "", "", "")
	return m.Bytes()
}

// looper never ends on a request, and is stopped by its limits.
func looper() []byte {
	m := &asm.Module{}
	m.Memory(1, 0)
	m.Func("on_request", "", "i", "", asm.Code(asm.Forever(), asm.I32(0))...)
	m.Func("wedge_abi_v1", "", "", "")
	return m.Bytes()
}

// trapper fails at once on a request.
func trapper() []byte {
	m := &asm.Module{}
	m.Memory(1, 0)
	m.Func("on_request", "", "i", "", asm.Op(0x00)...) // unreachable
	m.Func("wedge_abi_v1", "", "", "")
	return m.Bytes()
}
