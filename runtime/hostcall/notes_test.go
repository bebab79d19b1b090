package hostcall_test

import (
	"math"
	"testing"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

func TestNotes(t *testing.T) {
	const page = hostcall.NotedPage
	b := make([]byte, 80*page)
	f := func(name string, from uint32, do func(m hostcall.Memory), want uint64) {
		t.Helper()
		n := hostcall.NotesFrom(from)
		do(hostcall.NotedMemoryOf(b, &n))
		if got := n.Take(); got != want {
			t.Errorf("%s: %b, want %b", name, got, want)
		}
		if got := n.Take(); got != 0 {
			t.Errorf("%s: %b after it was taken", name, got)
		}
	}
	view := func(ptr, n uint32) func(hostcall.Memory) { return func(m hostcall.Memory) { m.View(ptr, n) } }
	const beyond = 1 << 63
	f("a byte", 0, view(0, 1), 1)
	f("nothing", 0, view(5, 0), 0)
	f("a page", 0, view(page, page), 2)
	f("a page and a byte", 0, view(page, page+1), 6)
	f("a byte and a page", 0, view(2*page-1, page+1), 6)
	f("all that have a bit", 0, view(0, 63*page), beyond-1)
	f("one byte more", 0, view(0, 63*page+1), beyond)
	f("beyond them", 0, view(70*page, 1), beyond)
	f("from page 10 on", 10, view(11*page, 1), 2)
	f("the page before", 10, view(10*page-1, 1), beyond)
	f("from the page before", 10, view(10*page-1, 2), beyond)
	f("out of bounds", 0, view(80*page, 1), 0)
	f("twice", 0, func(m hostcall.Memory) { m.View(0, 1); m.View(page, 1) }, 3)
	f("only read", 0, func(m hostcall.Memory) {
		m.Look(0, 8)
		m.ReadUint8(0)
		m.ReadUint16(0)
		m.ReadUint32(0)
		m.ReadUint64(0)
	}, 0)
	f("bytes", 0, func(m hostcall.Memory) { m.Write(page-1, []byte("ab")) }, 3)
	f("text", 0, func(m hostcall.Memory) { m.WriteString(page, "ab") }, 2)
	f("out of bounds, bytes and text", 0, func(m hostcall.Memory) { m.Write(math.MaxUint32, b[:1]); m.WriteString(80*page, "a") }, 0)
	f("numbers", 0, func(m hostcall.Memory) {
		m.WriteUint8(0, 1)
		m.WriteUint16(page, 1)
		m.WriteUint32(2*page, 1)
		m.WriteUint64(4*page-1, 1)
	}, 0b11111)
}

// Every byte of a view is in a page that was noted, or everything is.
func TestNotesAreComplete(t *testing.T) {
	const page = hostcall.NotedPage
	b := make([]byte, 70*page)
	for from := uint32(0); from < 6; from += 5 {
		for ptr := uint32(0); ptr < 69*page; ptr += page/2 - 1 {
			for _, size := range []uint32{1, 2, page - 1, page, page + 1, 9 * page} {
				n := hostcall.NotesFrom(from)
				m := hostcall.NotedMemoryOf(b, &n)
				if _, ok := m.View(ptr, size); !ok {
					continue
				}
				bits := n.Take()
				for at := ptr / page; at <= (ptr+size-1)/page; at++ {
					if bits>>63 == 0 && (at < from || at-from > 62 || bits>>(at-from)&1 == 0) {
						t.Fatalf("%d bytes at %d, from page %d: page %d is missing in %b", size, ptr, from, at, bits)
					}
				}
			}
		}
	}
}
