package hostcall_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

func TestMemoryBounds(t *testing.T) {
	const size = 64
	m := hostcall.MemoryOf(make([]byte, size))
	f := func(name string, ptr, n uint32, want bool) {
		t.Helper()
		if b, ok := m.View(ptr, n); ok != want || ok && len(b) != int(n) {
			t.Errorf("%s: View(%d, %d) = %d bytes, %v; want %v", name, ptr, n, len(b), ok, want)
		}
		if n <= size {
			if ok := m.Write(ptr, make([]byte, n)); ok != want {
				t.Errorf("%s: Write(%d, %d bytes) = %v, want %v", name, ptr, n, ok, want)
			}
			if ok := m.WriteString(ptr, string(make([]byte, n))); ok != want {
				t.Errorf("%s: WriteString(%d, %d bytes) = %v, want %v", name, ptr, n, ok, want)
			}
		}
	}
	f("first byte", 0, 1, true)
	f("all", 0, size, true)
	f("exceeds the maximum valid address by 1", 0, size+1, false)
	f("last byte", size-1, 1, true)
	f("last byte exceeds by 1", size-1, 2, false)
	f("nothing at the end", size, 0, true)
	f("nothing past the end", size+1, 0, false)
	f("one past the end", size, 1, false)
	f("sum overflows 32 bits to 0", math.MaxUint32, 1, false)
	f("sum overflows 32 bits to inside", math.MaxUint32, 16, false)
	f("longest", 0, math.MaxUint32, false)
	f("both longest", math.MaxUint32, math.MaxUint32, false)
}

func TestMemoryNumbers(t *testing.T) {
	const size = 64
	b := make([]byte, size)
	m := hostcall.MemoryOf(b)
	f := func(name string, width uint32, write func(ptr uint32) bool, read func(ptr uint32) (uint64, bool), want uint64) {
		t.Helper()
		last := size - width
		if !write(last) {
			t.Errorf("%s: cannot write the last %d bytes", name, width)
		}
		if v, ok := read(last); !ok || v != want {
			t.Errorf("%s: read %#x, %v; want %#x", name, v, ok, want)
		}
		if got := b[last]; got != byte(want) {
			t.Errorf("%s: first byte is %#x, want the low one, %#x", name, got, byte(want))
		}
		for _, ptr := range []uint32{last + 1, size, math.MaxUint32} { // exceeds the maximum valid address by 1, and more
			if _, ok := read(ptr); ok || write(ptr) {
				t.Errorf("%s: pointer %d was accepted", name, ptr)
			}
		}
	}
	f("uint8", 1, func(p uint32) bool { return m.WriteUint8(p, 0x12) },
		func(p uint32) (uint64, bool) { v, ok := m.ReadUint8(p); return uint64(v), ok }, 0x12)
	f("uint16", 2, func(p uint32) bool { return m.WriteUint16(p, 0x1234) },
		func(p uint32) (uint64, bool) { v, ok := m.ReadUint16(p); return uint64(v), ok }, 0x1234)
	f("uint32", 4, func(p uint32) bool { return m.WriteUint32(p, 0x12345678) },
		func(p uint32) (uint64, bool) { v, ok := m.ReadUint32(p); return uint64(v), ok }, 0x12345678)
	f("uint64", 8, func(p uint32) bool { return m.WriteUint64(p, 0x123456789abcdef0) },
		func(p uint32) (uint64, bool) { return m.ReadUint64(p) }, 0x123456789abcdef0)
}

func TestMemoryViewDoesNotGrow(t *testing.T) {
	b := []byte("abcdef")
	v, _ := hostcall.MemoryOf(b).View(0, 3)
	if w := append(v, 'X'); string(w) != "abcX" || string(b) != "abcdef" {
		t.Fatalf("append to a view made %q and wrote %q into the guest", w, b)
	}
	if n := hostcall.MemoryOf(nil).Size(); n != 0 {
		t.Fatalf("no memory has size %d", n)
	}
}

func FuzzMemoryView(f *testing.F) {
	f.Add(uint32(0), uint32(64), uint16(64))
	f.Add(uint32(1), uint32(64), uint16(64))
	f.Add(uint32(math.MaxUint32), uint32(2), uint16(64))
	f.Fuzz(func(t *testing.T, ptr, n uint32, size uint16) {
		b := make([]byte, size)
		v, ok := hostcall.MemoryOf(b).View(ptr, n)
		// Oracle: the same question byte by byte, without a sum.
		want := ptr <= uint32(size) && n <= uint32(size)-ptr
		if ok != want {
			t.Fatalf("View(%d, %d) of %d bytes: %v, want %v", ptr, n, size, ok, want)
		}
		if ok && n >= 8 {
			binary.LittleEndian.PutUint64(v, 0x0102030405060708)
			if b[ptr] != 8 {
				t.Fatal("the view is not the guest's memory")
			}
		}
	})
}
