package proxywasm

import (
	"encoding/binary"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// mostPairs bounds a map that a guest gives.
const mostPairs = 512

// appendPairs writes a map: the count, the lengths of all keys and values, then their bytes, each with a NUL behind it.
//
//	appendPairs of "a: 1", "b: 22"
//
//	2 0 0 0  1 0 0 0 1 0 0 0  1 0 0 0 2 0 0 0  a 0 1 0  b 0 2 2 0
func appendPairs(b []byte, fields []exchange.Field) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(fields)))
	for i := range fields {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(fields[i].Name)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(fields[i].Value)))
	}
	for i := range fields {
		b = append(append(b, fields[i].Name...), 0)
		b = append(append(b, fields[i].Value...), 0)
	}
	return b
}

// parsePairs reads a map that a guest gave; false if it is malformed or too large. The strings are views of b.
//
// "An empty map may be represented either as an empty value (`size=0`), or as a single `0x00` byte (`size=1`)."
// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#serialization
func parsePairs(b []byte) ([]exchange.Field, bool) {
	if len(b) == 0 || len(b) == 1 && b[0] == 0 {
		return nil, true
	}
	if len(b) < 4 {
		return nil, false
	}
	n := binary.LittleEndian.Uint32(b)
	if n > mostPairs || uint64(len(b)) < 4+8*uint64(n) {
		return nil, false
	}
	sizes, rest := b[4:4+8*n], b[4+8*n:]
	fields := make([]exchange.Field, n)
	next := func(size []byte) (string, bool) {
		l := uint64(binary.LittleEndian.Uint32(size))
		if l+1 > uint64(len(rest)) || rest[l] != 0 {
			return "", false
		}
		v := alias(rest[:l:l])
		rest = rest[l+1:]
		return v, true
	}
	for i := range fields {
		var valid, valid2 bool
		fields[i].Name, valid = next(sizes[8*i:])
		fields[i].Value, valid2 = next(sizes[8*i+4:])
		if !valid || !valid2 {
			return nil, false
		}
	}
	return fields, true
}
