package hostcall

// Notes are the pages of a guest's memory that host functions may have written to since Take: a bit for each of the first 63 pages from
// a page on, and the last for all others. Guests that note what they write themselves do so in the same form (see
// runtime/meter), so that both together say what has to be put back.
//
// They belong to the goroutine that runs the guest.
type Notes struct {
	bits uint64
	from uint32
}

// NotedPage is how many bytes a bit stands for.
const NotedPage = 1 << notedShift

const (
	notedShift = 12
	// beyond is the number of the bit for all other pages.
	beyond = 63
)

// NotesFrom returns empty notes whose first bit is for that page.
func NotesFrom(page uint32) Notes { return Notes{from: page} }

// Take returns the bits, and forgets them.
func (n *Notes) Take() (bits uint64) {
	bits, n.bits = n.bits, 0
	return bits
}

// note notes size bytes at ptr.
func (n *Notes) note(ptr, size uint32) {
	if size == 0 {
		return
	}
	first := ptr>>notedShift - n.from // below the first page it is a large number
	last := uint32((uint64(ptr)+uint64(size)-1)>>notedShift) - n.from
	switch {
	case first >= beyond || last >= beyond:
		n.bits |= 1 << beyond
	case first == last: // Fast path
		n.bits |= 1 << first
	default:
		n.bits |= 1<<(last+1) - 1<<first
	}
}
