package sandbox

import (
	"encoding/binary"
	"math/bits"

	"github.com/tetratelabs/wazero/api"

	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/meter"
)

// Guests and host functions use the same pages.
var _ [hostcall.NotedPage - meter.WrittenPage]struct{}
var _ [meter.WrittenPage - hostcall.NotedPage]struct{}

// notedMost is how many pages are copied because they were noted. Of more the kernel tells which were really written to in the time that copying them takes.
const notedMost = 12

// noter knows which pages an instance may have written to since it was its image, if its guest notes that.
//
// INVARIANT: whatever differs from the image in the instance's memory, up to the image's size, is noted by the guest or by host
// functions, unless the last bit is set.
type noter struct {
	written api.MutableGlobal // what the guest notes; nil if it does not
	from    uint32            // the first page that has a bit
	host    hostcall.Notes
}

// begin finds the guest's notes.
func (n *noter) begin(module api.Module, about *meter.Module) {
	if about.NotesWrites {
		n.written = module.ExportedGlobal(meter.WrittenGlobal).(api.MutableGlobal)
		n.from = about.NotedFrom
		n.host = hostcall.NotesFrom(n.from)
	}
}

// take returns the noted pages and forgets them: the caller makes the memory the image. It is false if others may be written to as well,
// or so many are noted that the kernel is to be asked.
func (n *noter) take() (pages uint64, known bool) {
	if n.written == nil {
		return 0, false
	}
	pages = n.written.Get()
	if pages != 0 {
		n.written.Set(0)
	}
	pages |= n.host.Take()
	return pages, pages&meter.WrittenUnknown == 0 && bits.OnesCount64(pages) <= notedMost
}

// putBackNoted makes these pages the image again.
func (l *linear) putBackNoted(im *image, pages uint64, from uint32) {
	for rest := pages; rest != 0; rest &= rest - 1 {
		n := bits.TrailingZeros64(rest)
		at := (int(from) + n) * meter.WrittenPage
		end := at + meter.WrittenPage
		if end > im.size { // the guest had grown
			continue
		}
		copy(l.reserve[at:end], im.bytes[at:end])
		if pages>>(n+1)&1 == 0 && end < im.size {
			l.putBackRest(im, end)
		}
	}
}

// putBackRest puts back what a store wrote that began in the page before. Almost none does: to write there in any case would make
// the page the instance's own.
func (l *linear) putBackRest(im *image, at int) {
	const n = 16 // at least meter.WrittenBeyond
	is, was := l.reserve[at:at+n], im.bytes[at:at+n]
	if binary.LittleEndian.Uint64(is) != binary.LittleEndian.Uint64(was) || binary.LittleEndian.Uint64(is[8:]) != binary.LittleEndian.Uint64(was[8:]) {
		copy(is, was)
	}
}
