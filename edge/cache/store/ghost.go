package store

import "encoding/binary"

// Ghosts are the names of objects that went without having been used. The table
// is of a fixed size: a name is a fingerprint in one of four places, and the
// oldest of the four gives way. Two names may look alike once in 2^30 times;
// then an object gets a better place than it deserves.
type ghosts struct {
	slots []ghost // a power of two, in groups of four
	clock uint64  // bytes that have gone so far
}

// A ghost is a fingerprint, and the time at which its object went, in KiB of the
// clock, which wraps after 4 TiB.
type ghost struct{ print, at uint32 }

const ghostGroup = 4

// newGhosts makes a table for a store of so many bytes: one name for each 2 KiB.
func newGhosts(bytes int64) *ghosts {
	n := 1 << 10
	for int64(n)*(2<<10) < bytes && n < 1<<24 {
		n *= 2
	}
	return &ghosts{slots: make([]ghost, n)}
}

// group is where a name may stand, and its fingerprint.
func (g *ghosts) group(key, variant Key) ([]ghost, uint32) {
	h := binary.LittleEndian.Uint64(key[:]) ^ binary.LittleEndian.Uint64(variant[:])*0x9e3779b97f4a7c15
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93 // a key is a hash already, but of the lowest bits shards are chosen
	i := int(h>>32) * ghostGroup & (len(g.slots) - 1)
	return g.slots[i : i+ghostGroup], uint32(h) | 1 // 0 is an empty place
}

func (g *ghosts) now() uint32 { return uint32(g.clock >> 10) }

// add remembers a name whose object of so many bytes has gone.
func (g *ghosts) add(key, variant Key, weight int64) {
	g.clock += uint64(weight)
	group, print := g.group(key, variant)
	oldest := &group[0]
	for i := range group {
		p := &group[i]
		if p.print == print || p.print == 0 {
			oldest = p
			break
		}
		if g.now()-p.at > g.now()-oldest.at {
			oldest = p
		}
	}
	*oldest = ghost{print, g.now()}
}

// take tells whether the name is remembered from the last so many bytes, and
// forgets it.
func (g *ghosts) take(key, variant Key, bytes int64) bool {
	group, print := g.group(key, variant)
	for i := range group {
		if p := &group[i]; p.print == print {
			known := int64(g.now()-p.at)<<10 <= bytes
			*p = ghost{}
			return known
		}
	}
	return false
}
