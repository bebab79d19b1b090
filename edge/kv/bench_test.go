package kv

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

func BenchmarkGet(b *testing.B) {
	db := open(b, Options{})
	s := store(b, db, "owner", "store")
	var wg sync.WaitGroup
	for i := range 10_000 {
		wg.Go(func() { put(b, s, fmt.Sprintf("key-%06d", i), "a value of some twenty bytes", PutOptions{}) })
	}
	wg.Wait()
	b.Run("one", func(b *testing.B) {
		var e Entry
		keys := make([][]byte, 10_000)
		for i := range keys {
			keys[i] = fmt.Appendf(nil, "key-%06d", i)
		}
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			i = (i + 7919) % len(keys)
			if found, err := s.Get(keys[i], &e); !found || err != nil {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			var e Entry
			key := []byte("key-004711")
			for pb.Next() {
				if found, err := s.Get(key, &e); !found || err != nil {
					b.Fatal(found, err)
				}
			}
		})
	})
}

func BenchmarkPut(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			var commits atomic.Int64
			db := open(b, Options{Events: Events{Commit: func(Commit) { commits.Add(1) }}})
			s := store(b, db, "owner", "store")
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for {
						i := next.Add(1)
						if i > int64(b.N) {
							return
						}
						_, err := s.Put(context.Background(), fmt.Appendf(nil, "key-%06d", i%10_000), []byte("a value of some twenty bytes"), PutOptions{})
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acked/s")
			b.ReportMetric(float64(b.N)/float64(commits.Load()), "ops/commit")
		})
	}
}
