package wasm

import "encoding/binary"

// AppendU32 writes an unsigned integer in LEB128, as short as can be.
func AppendU32(b []byte, v uint32) []byte { return binary.AppendUvarint(b, uint64(v)) }

// AppendS64 writes a signed integer in LEB128, as short as can be. It serves for 32 and 33 bits too.
func AppendS64(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// AppendName writes a string with its length.
func AppendName(b []byte, s string) []byte { return append(AppendU32(b, uint32(len(s))), s...) }

// AppendValType writes a value type.
func AppendValType(b []byte, t ValType) []byte {
	b = append(b, t.Code)
	if t.Code == RefNonNull || t.Code == RefNullable {
		b = AppendS64(b, t.Heap)
	}
	return b
}

// AppendFuncType writes a function type.
func AppendFuncType(b []byte, t FuncType) []byte {
	b = append(b, 0x60)
	for _, list := range [][]ValType{t.Params, t.Results} {
		b = AppendU32(b, uint32(len(list)))
		for _, v := range list {
			b = AppendValType(b, v)
		}
	}
	return b
}

// AppendOp writes an instruction's byte, or its prefix and number.
func AppendOp(b []byte, op Op) []byte {
	if op <= 0xff {
		return append(b, byte(op))
	}
	return AppendU32(append(b, byte(op>>8)), uint32(op&0xff))
}
