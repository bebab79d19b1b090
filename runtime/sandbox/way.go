package sandbox

import (
	"runtime"
	"slices"
	"time"
)

// Way is how the memory of an instance is put back to its image. All ways have the same result. Its text stands in metrics
// and does not change.
type Way string

const (
	// Copy copies the whole image. It is there on every system, and the fastest for the smallest memories.
	Copy Way = "copy"
	// Scan asks the kernel which pages of a private mapping of the image are not the image's own any more, and copies the
	// image over those. They stay mapped, so the guest's next write to them costs nothing. Linux 6.7 has the call.
	Scan Way = "scan"
	// Drop has the kernel forget those pages: the guest meets the image again when it next touches them, at the price of a
	// page fault each.
	Drop Way = "drop"
	// Noted copies the image over those pages that the guest and host functions noted that they write to. It is there on every system,
	// but only after exchanges of which all is known: others are put back by one of the ways above. So it is not one of Ways.
	Noted Way = "noted"
)

// Ways returns what this system can do for each memory.
func Ways() []Way {
	im, err := newImage(make([]byte, 2*typical*pageBytes), nil, true)
	if err != nil || im.file == nil {
		return []Way{Copy}
	}
	defer im.release()
	l := newLinear(int64(im.size))
	l.Allocate(0, uint64(im.size))
	defer l.Free()
	if l.Reallocate(uint64(im.size)) == nil || l.lay(im) != nil {
		return []Way{Copy}
	}
	ways := []Way{Copy, Drop}
	if _, ok := l.try(im, Scan); ok {
		ways = append(ways, Scan)
	}
	return ways
}

const (
	// pageBytes is the least page that a system has.
	pageBytes = 4 << 10
	// alwaysCopied is the size up to which nothing is faster than a copy, and nothing else is tried.
	alwaysCopied = 32 << 10
	// typical is the number of pages that the measurement writes to, though no more than a quarter of all: that of an
	// ordinary hook in Go.
	typical = 32
	// tries is how often each way is measured; its shortest time counts, as all others have been disturbed.
	tries = 5
)

// measure returns the cheapest way for an image that the memory lies over now.
//
// Preconditions: im has a file, l.lay(im) was called and l.bytes is as long as the image.
//
// It counts the thread's processor time, page faults included: on a busy machine the wall is mostly the neighbours'.
func (l *linear) measure(im *image) Way {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	best, least := Copy, l.copyTime(im)
	for _, w := range []Way{Scan, Drop} {
		if took, ok := l.try(im, w); ok && took < least {
			best, least = w, took
		}
	}
	return best
}

// try measures a way that looks for changed pages, and tells whether it works: whether what was written is gone. The
// memory is the image's afterwards, whatever happens.
func (l *linear) try(im *image, w Way) (least time.Duration, ok bool) {
	defer func() {
		if l.putBack(im, Drop) != nil {
			ok = false
		}
	}()
	step := max(len(l.bytes)/typical, 4*pageBytes)
	for n := range tries {
		begin := clock()
		for at := 0; at < len(l.bytes); at += step {
			l.bytes[at]++
		}
		if l.putBack(im, w) != nil {
			return 0, false
		}
		if took := clock() - begin; n == 0 || took < least {
			least = took
		}
		for at := 0; at < len(l.bytes); at += step {
			if l.bytes[at] != im.bytes[at] {
				return 0, false
			}
		}
	}
	return least, true
}

// copyTime measures a piece and reckons the rest: a copy over the mapping itself would make every page of it private.
func (l *linear) copyTime(im *image) time.Duration {
	scratch := make([]byte, min(im.size, piece))
	var least time.Duration
	for n := range tries {
		begin := clock()
		copy(scratch, im.bytes)
		if took := clock() - begin; n == 0 || took < least {
			least = took
		}
	}
	return least * time.Duration(im.size) / time.Duration(len(scratch))
}

// clock is the best that the system has for measuring short work.
func clock() time.Duration {
	if haveThreadTime {
		return threadTime()
	}
	return time.Duration(time.Now().UnixNano())
}

// has tells whether the system can do w.
func has(w Way) bool { return w == Copy || slices.Contains(Ways(), w) }
