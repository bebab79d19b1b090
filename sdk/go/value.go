package wedge

import "unsafe"

// room is how large the buffer of a first try is. It stands on the caller's stack, and nearly all values fit: one call of the node, and one
// allocation for what is returned.
const room = 256

// text is a value of which the first try into buf answered n: its length, or an error below zero. What does not fit is asked for again.
func text(n int32, buf []byte, again func([]byte) int32) (string, int32) {
	if n < 0 {
		return "", n
	}
	if int(n) <= len(buf) {
		return string(buf[:n]), n
	}
	b, n := larger(n, again)
	return unsafe.String(unsafe.SliceData(b), len(b)), n
}

// value is text for what the caller may change.
func value(n int32, buf []byte, again func([]byte) int32) ([]byte, int32) {
	if n < 0 {
		return nil, n
	}
	if int(n) <= len(buf) {
		return append([]byte(nil), buf[:n]...), n
	}
	return larger(n, again)
}

// larger asks with a buffer that is large enough. The node answers the same as before, unless the guest changed it in between.
func larger(n int32, again func([]byte) int32) ([]byte, int32) {
	for {
		b := make([]byte, n)
		m := again(b)
		if m < 0 {
			return nil, m
		}
		if m <= n {
			return b[:m], m
		}
		n = m
	}
}

// bytes are those of a string, which nobody must change.
func bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// u32 reads a little-endian number; u64 a longer one.
func u32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func u64(b []byte) uint64 { return uint64(u32(b)) | uint64(u32(b[4:]))<<32 }

func appendU32(b []byte, n int) []byte {
	return append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
}

// appendPair writes a pair as lists of pairs have them.
func appendPair(b []byte, name, value string) []byte {
	b = appendU32(appendU32(b, len(name)), len(value))
	return append(append(b, name...), value...)
}

// pairs yields the pairs of a list.
func pairs(list string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for len(list) >= 8 {
			head := bytes(list[:8])
			n, v := int(u32(head)), int(u32(head[4:]))
			list = list[8:]
			if n > len(list) || v > len(list)-n {
				return
			}
			if !yield(list[:n], list[n:n+v]) {
				return
			}
			list = list[n+v:]
		}
	}
}
