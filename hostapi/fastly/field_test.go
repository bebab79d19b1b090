package fastly

import (
	"encoding/binary"
	"testing"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// What a record points at is copied only if it is within memory and no longer than a field may be: a length that lies costs nothing.
func TestField(t *testing.T) {
	memory := make([]byte, 4<<20)
	copy(memory[100:], "accept")
	c := &call{memory: hostcall.MemoryOf(memory)}
	f := func(ptr, n uint32, want string, valid bool) {
		t.Helper()
		record := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(make([]byte, 8), ptr), n)
		if s, v := c.field(hostcall.MemoryOf(record), 8); s != want || v != valid {
			t.Errorf("%d bytes at %d: %d bytes, %t", n, ptr, len(s), v)
		}
	}
	f(100, 6, "accept", true)
	f(100, 0, "", true)
	f(4<<20-1, 1, "\x00", true)
	f(4<<20, 0, "", true)
	f(4<<20, 1, "", false)
	f(1<<32-1, 1<<32-1, "", false)
	f(0, mostField, string(memory[:mostField]), true)
	f(0, mostField+1, "", false)
	if _, valid := c.field(hostcall.MemoryOf(make([]byte, 8)), 4); valid {
		t.Error("a record that ends within the length")
	}
	lies := hostcall.MemoryOf(binary.LittleEndian.AppendUint32(make([]byte, 4), 4<<20))
	if n := testing.AllocsPerRun(10, func() { c.field(lies, 0) }); n != 0 {
		t.Errorf("4 MiB that are no field: %v allocations", n)
	}
}
