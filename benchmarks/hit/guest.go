package main

import (
	"encoding/binary"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// setter is a function that sets one field of each response, in the least
// code: what is measured is the way there and back.
func setter() []byte {
	m := &Module{}
	m.Memory(1, 0)
	set := m.Import("wedge", "field_set", "iiiii", "i")
	store := func(at int32, text string) []byte {
		return Code(I32(at), I32(int32(binary.LittleEndian.Uint32([]byte(text)))), Store32)
	}
	const response = 1
	m.Func("on_response", "", "i", "", Code(store(0, "X-Fn"), store(4, "seen"), I32(response), I32(0), I32(4), I32(4), I32(4), Call(set))...)
	m.Func("wedge_abi_v1", "", "", "")
	return m.Bytes()
}
