package main

import (
	"encoding/binary"
	"fmt"

	"github.com/coocood/freecache"
	"github.com/maypok86/otter/v2"
)

// tinyLFU is otter's W-TinyLFU. It is charged with the bytes of heads and
// bodies only: what its own nodes and tables take comes on top, to its favour.
type tinyLFU struct {
	cache *otter.Cache[uint64, struct{}]
}

func newTinyLFU(sizes map[uint64]int64) func(room int64) policy {
	return func(room int64) policy {
		return &tinyLFU{otter.Must(&otter.Options[uint64, struct{}]{
			MaximumWeight: uint64(room),
			Weigher:       func(object uint64, _ struct{}) uint32 { return uint32(sizes[object]) },
			Executor:      func(f func()) { f() }, // in turn, so that runs are alike
		})}
	}
}

func (c *tinyLFU) close() { c.cache.StopAllGoroutines() }

func (c *tinyLFU) ask(_ int, r Request) bool {
	if _, ok := c.cache.GetIfPresent(r.Object); ok {
		return true
	}
	c.cache.Set(r.Object, struct{}{})
	return false
}

// plain is freecache as it is usually used: head and body in one entry, the
// whole room its own. It takes no entry above a 1/1024 of it.
type plain struct {
	cache *freecache.Cache
	value []byte
}

func newPlain(room int64) policy {
	return &plain{freecache.NewCache(int(room)), make([]byte, bodyMost+headLeast+headRange)}
}

func (c *plain) close() {}

func (c *plain) ask(_ int, r Request) bool {
	var key [8]byte
	binary.LittleEndian.PutUint64(key[:], r.Object)
	found := false
	c.cache.GetFn(key[:], func([]byte) error { found = true; return nil })
	if found {
		return true
	}
	if err := c.cache.Set(key[:], c.value[:r.bytes()], 0); err != nil && err != freecache.ErrLargeEntry {
		panic(fmt.Sprintf("BUG: freecache: %v", err))
	}
	return false
}
