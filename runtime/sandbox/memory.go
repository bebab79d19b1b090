package sandbox

import (
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// linear is the memory of one instance. Its address space is reserved as a whole, up to the limit, so that it grows in
// place: no copy, and a view stays where it is. Pages cost nothing until the guest touches them.
//
// It belongs to its instance's goroutine. States: empty (no memory made yet); reserved; laid, when its beginning is a
// private mapping of an image's file; freed. Once freed nothing may look at bytes: the addresses are gone.
type linear struct {
	limit   int64
	reserve []byte
	bytes   []byte // what the guest has, a prefix of reserve
	refused int64  // growths beyond the limit
	shrink  int    // what the next Reallocate gives instead, or -1; see resize
	laid    bool
	account *account
	beside  int64 // what the instance takes beside its memory
	paid    int64 // taken from the account: at least what the guest has
	short   bool  // the account had not enough, once
	scans   int   // since the pages that are the guest's own were dropped last
	scanner *scanner
	touched
}

// piece is the most that is copied or cleared at once: between two pieces the garbage collector can stop the goroutine.
const piece = 256 << 10

func newLinear(limit int64) linear { return linear{limit: limit, shrink: -1} }

// Allocate satisfies experimental.MemoryAllocator. The engine calls it once an instance.
func (l *linear) Allocate(_, most uint64) experimental.LinearMemory {
	l.reserve = reserve(int(min(most, uint64(l.limit))))
	return l
}

// Reallocate satisfies experimental.LinearMemory: it gives the guest size bytes, or nil if that is beyond the limit.
// memory.grow is then -1 for the guest.
func (l *linear) Reallocate(size uint64) []byte {
	if l.shrink >= 0 {
		size = uint64(l.shrink)
	}
	if size > uint64(len(l.reserve)) || !l.pay(int64(size)) {
		l.refused++
		return nil
	}
	l.sized(len(l.bytes), int(size))
	l.bytes = l.reserve[:size:size]
	if l.grown != nil {
		l.grown()
	}
	return l.bytes
}

// Free satisfies experimental.LinearMemory.
func (l *linear) Free() {
	if l.reserve != nil {
		unreserve(l.reserve)
	}
	l.reserve, l.bytes = nil, nil
	l.settle()
}

// pay takes from the account what a guest with so much memory needs beyond what is paid.
func (l *linear) pay(size int64) bool {
	more := size + l.beside - l.paid
	if more <= 0 {
		return true
	}
	if !l.account.take(more) {
		l.short = true
		return false
	}
	l.paid += more
	return true
}

// settle gives back all that was paid.
func (l *linear) settle() {
	l.account.give(l.paid)
	l.paid = 0
}

// errKeepsSize is why a memory cannot be put back.
var errKeepsSize = errors.New("sandbox: the memory has grown to its declared maximum, from where it cannot shrink")

// resize gives the guest a memory of that size, which may be smaller than it is. Bytes that it gets are zero.
//
// The engine knows no shrinking. But it believes the allocator, which it asks for one page more here and which answers with
// what the memory should be. It must ask: a memory at its declared maximum stays as it is.
func (l *linear) resize(m api.Memory, size int) error {
	switch now := len(l.bytes); {
	case now == size:
		return nil
	case now < size:
		if _, ok := m.Grow(uint32((size - now) / wasmPage)); !ok {
			return errKeepsSize
		}
	default:
		if err := l.clear(size, now); err != nil {
			return err
		}
		l.shrink = size
		_, ok := m.Grow(1)
		if l.shrink = -1; !ok {
			return errKeepsSize
		}
	}
	if len(l.bytes) != size || m.Size() != uint32(size) {
		return errors.New("sandbox: the engine did not take the size of a memory")
	}
	return nil
}

const wasmPage = 64 << 10

// clear makes what the guest grew by read as zero. A little is cleared and stays mapped, for a guest that grows in each
// exchange; more is given back to the system.
func (l *linear) clear(from, to int) error {
	if to-from > piece {
		l.account.give(int64(to - from))
		l.paid -= int64(to - from)
		return forget(l.reserve[from:to])
	}
	clear(l.reserve[from:to])
	return nil
}

// lay makes the beginning of the memory the image, and cuts off or adds nothing.
func (l *linear) lay(im *image) error {
	if im.size == 0 {
		return nil
	}
	if im.file == nil {
		copyPieces(l.reserve[:im.size], im.bytes)
		l.cold = 0
		return nil
	}
	l.laid = true
	l.forgotten(im.size)
	return im.file.over(l.reserve[:im.size])
}

// Which pages are the guest's own is learnt anew after so many scans, if there are more than a few: an exchange that
// touched many would make all that follow pay for it.
const (
	learnAfter = 64
	few        = 2 * typical
)

// putBack makes the beginning of the memory the image again, by a way that the image is laid for.
func (l *linear) putBack(im *image, w Way) error {
	switch {
	case im.size == 0:
		return nil
	case w == Copy:
		copyPieces(l.reserve[:im.size], im.bytes)
		l.cold = 0
		return nil
	case !l.laid:
		return errors.New("sandbox: no mapping to put back")
	case w == Drop:
		l.forgotten(im.size)
		return forget(l.reserve[:im.size])
	case w != Scan:
		return fmt.Errorf("sandbox: no reset by %q", w)
	}
	pages, err := l.scan(im)
	l.cold = im.size/pageBytes - pages
	if l.scans++; err == nil && l.scans >= learnAfter {
		if l.scans = 0; pages > few {
			l.forgotten(im.size)
			return forget(l.reserve[:im.size])
		}
	}
	return err
}

func copyPieces(to, from []byte) {
	for len(to) > piece {
		copy(to[:piece], from)
		to, from = to[piece:], from[piece:]
	}
	copy(to, from)
}
