package kv

import (
	"math/bits"
	"runtime"
)

// mmapSize is initialMmap where address space costs nothing: on Windows bbolt grows the file itself to this size,
// and 32 bits have no room for it.
func mmapSize() int {
	if bits.UintSize < 64 || runtime.GOOS == "windows" {
		return 0
	}
	return initialMmap
}
