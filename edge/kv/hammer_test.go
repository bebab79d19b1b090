package kv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// TestHammer calls everything at once on few keys, closes the file under it, and expects each answer to be one that
// the documentation allows.
func TestHammer(t *testing.T) {
	clock := newClock()
	db := open(t, Options{Now: clock.now, Quota: func(Owner) int64 { return 4000 }})
	stop := make(chan struct{})
	check := func(what string, err error) {
		if err == nil || errors.Is(err, ErrClosed) {
			return
		}
		if _, ok := errors.AsType[*ConflictError](err); ok {
			return
		}
		if _, ok := errors.AsType[*QuotaError](err); ok {
			return
		}
		if errors.Is(err, ErrNotNumber) {
			return
		}
		t.Errorf("%s: %v", what, err)
	}
	var wg sync.WaitGroup
	ctx := t.Context()
	for p := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(p), 1))
			var e Entry
			for {
				select {
				case <-stop:
					return
				default:
				}
				s, err := db.Store(Owner(fmt.Sprint("o", r.IntN(2))), StoreName(fmt.Sprint("s", r.IntN(2))))
				check("store", err)
				key := fmt.Append(nil, "k", r.IntN(8))
				switch r.IntN(20) {
				default:
					found, err := s.Get(key, &e)
					check("get", err)
					if found && !e.Expires.IsZero() && e.Expires.Before(newClock().now()) {
						t.Errorf("got an entry that expired at %v", e.Expires)
					}
				case 0, 1, 2:
					_, err := s.Put(ctx, key, make([]byte, r.IntN(300)), PutOptions{TTL: time.Duration(r.IntN(3)) * time.Millisecond})
					check("put", err)
				case 3:
					_, err := s.Put(ctx, key, []byte("1"), PutOptions{IfAbsent: true})
					check("put if absent", err)
				case 4:
					_, err := s.Put(ctx, key, []byte("1"), PutOptions{IfVersion: e.Version})
					check("put if version", err)
				case 5:
					_, _, err := s.Add(ctx, key, 1, time.Millisecond)
					check("add", err)
				case 6:
					_, err := s.Delete(ctx, key, DeleteOptions{})
					check("delete", err)
				case 7:
					_, err := s.List([]byte("k"), "", 3)
					check("list", err)
				case 8:
					clock.advance(time.Millisecond)
					_, err := db.Sweep(ctx, clock.now(), 5)
					check("sweep", err)
				case 9:
					_, err := s.Drop(ctx)
					check("drop", err)
				case 10:
					var out bytes.Buffer
					_, err := s.Export(ctx, &out)
					check("export", err)
					_, err = s.Import(ctx, &out)
					check("import", err)
				case 11:
					_, err := db.Usage(s.Owner())
					check("usage", err)
					_, err = db.Stores(s.Owner(), "", 0)
					check("stores", err)
				case 12:
					_, err := db.NextSequence(ctx)
					check("sequence", err)
				case 13:
					_, err := s.Export(ctx, io.Discard)
					check("export", err)
				}
			}
		})
	}
	end := time.After(100 * time.Millisecond)
	<-end
	audit(t, db)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	close(stop)
	wg.Wait()
}
