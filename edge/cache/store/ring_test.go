package store

import (
	"math/rand/v2"
	"testing"
)

// The picture of the rings is right: whatever is written and deleted, freecache
// never evicts anything by itself, what lives can be read, and what counts as
// living is what is there.
func TestRingsTurnWithoutEvictions(t *testing.T) {
	c := newChunks(2 << 20)
	r := rand.New(rand.NewPCG(3, 4))
	type chunk struct {
		key    chunkKey
		length int
		seed   uint64
	}
	var alive []chunk
	var living int64
	for i := range uint64(12_000) {
		length := 1 + r.IntN(c.size)
		for living+int64(length+entryOverhead) > c.limit {
			n := r.IntN(len(alive))
			living -= int64(alive[n].length + entryOverhead)
			c.drop(alive[n].key, alive[n].length)
			alive[n] = alive[len(alive)-1]
			alive = alive[:len(alive)-1]
		}
		pick, err := c.put(i, 5, bytesOf(i, length))
		if err != nil {
			t.Fatal(err)
		}
		living += int64(length + entryOverhead)
		alive = append(alive, chunk{newChunkKey(i, 5, pick), length, i})
		if i%2000 != 0 {
			continue
		}
		var bytes, live int64
		for i := range c.rings {
			live += c.rings[i].live
		}
		for _, a := range alive {
			bytes += int64(a.length + entryOverhead)
			if b, ok := c.read(a.key, a.length, make([]byte, 0, c.size)); !ok || string(b) != string(bytesOf(a.seed, a.length)) {
				t.Fatalf("after %d chunks: chunk %d of %d bytes: there %t", i, a.seed, a.length, ok)
			}
		}
		if bytes != live || int(c.arena.EntryCount()) != len(alive) {
			t.Fatalf("after %d chunks: %d bytes and %d chunks live, counted are %d and %d", i, bytes, len(alive), live, c.arena.EntryCount())
		}
	}
	if n := c.arena.EvacuateCount(); n != 0 || c.displaced.Load() != 0 {
		t.Errorf("freecache evicted %d chunks, %d had to be dropped", n, c.displaced.Load())
	}
	widest := uint16(0)
	for i := range c.rings {
		widest = max(widest, c.rings[i].widest)
	}
	t.Logf("%d chunks live, the widest slot has %d of them; %.1f MiB written anew for %.1f", len(alive), widest, float64(c.moved.Load())/(1<<20), 12_000*float64(c.size)/2/(1<<20))
	if mean := len(alive) / (rings * 256); int(widest) > 2*mean+3 {
		t.Errorf("a slot has %d chunks, the mean is %d", widest, mean)
	}
}

// Where everything lives there is no room: what was written first goes, and the
// ring stays in order.
func TestFullRing(t *testing.T) {
	c := newChunks(1 << 20)
	var keys []chunkKey
	for i := range uint64(6_000) {
		pick, err := c.put(i+1, 0, bytesOf(i, c.size))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, newChunkKey(i+1, 0, pick))
	}
	there := 0
	for i, k := range keys {
		if b, ok := c.read(k, c.size, make([]byte, 0, c.size)); ok {
			there++
			if string(b) != string(bytesOf(uint64(i), c.size)) {
				t.Fatalf("chunk %d has other bytes", i)
			}
		}
	}
	if n := int64(len(keys)-there) - c.displaced.Load(); n != 0 || c.arena.EvacuateCount() != 0 {
		t.Errorf("%d chunks went and nobody counted them; freecache evicted %d", n, c.arena.EvacuateCount())
	}
	if least := (1 << 20) * 9 / 10 / (c.size + entryOverhead); there < least {
		t.Errorf("%d chunks are there, there is room for %d", there, least)
	}
}

func TestQueue(t *testing.T) {
	var q queue
	next, first := int32(0), int32(0)
	r := rand.New(rand.NewPCG(1, 9))
	for range 10_000 {
		if q.count == 0 || r.IntN(20) < 11 {
			q.push(entry{length: next})
			next++
			continue
		}
		if got := q.front().length; got != first {
			t.Fatalf("the first is %d, want %d", got, first)
		}
		q.pop()
		first++
	}
	if q.count != int(next-first) {
		t.Errorf("%d are in the queue, want %d", q.count, next-first)
	}
}
