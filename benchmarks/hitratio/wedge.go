package main

import (
	"encoding/binary"
	"io"
	"strings"

	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// wedge is the node's own store, with real heads and bodies. The room is for
// everything in it: arena, freecache's tables, index, heads.
type wedge struct {
	store *store.Store[facts]
	chunk []byte
	head  string
}

// facts are as large as what the node keeps with an object beside its head.
type facts [120]byte

func newWedge(room int64) policy {
	// As edge/cache shares out what is left without fetches on their way and tags.
	w := &wedge{store: store.New(store.Options[facts]{Bodies: room/29*23 - 1<<20, Index: room / 29 * 4}), head: strings.Repeat("h", headLeast+headRange)}
	w.chunk = make([]byte, w.store.Chunks().Size())
	return w
}

func (c *wedge) close() {}

func (c *wedge) ask(_ int, r Request) bool {
	var key store.Key
	binary.LittleEndian.PutUint64(key[:], r.Object*0x9e3779b97f4a7c15)
	binary.LittleEndian.PutUint64(key[8:], r.Object)
	if o := c.store.Find(key).Object(store.Key{}); o != nil {
		if b, ok := c.store.Open(o); ok {
			_, err := b.WriteTo(io.Discard)
			b.Close()
			if err == nil {
				return true
			}
		}
	}
	w := c.store.Chunks().Create()
	defer w.Close()
	for left := r.Body; left > 0; {
		n := min(left, len(c.chunk))
		if w.Put(c.chunk[:n]) != nil {
			return false
		}
		left -= n
	}
	var h exchange.Header
	h.Add("X", c.head[:r.Head-4]) // with its name and lengths that makes Head bytes
	c.store.Insert(&store.Object[facts]{Key: key, Head: store.Pack(200, &h), Content: w.Content()}, nil)
	return false
}
