package fill

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSizes(t *testing.T) {
	const block = 64
	f := func(size int, announced int64, sinkSize int, memory int64, wantFate Fate, wantErr error, readers int) {
		t.Helper()
		w := newWorld(t, Options{ReadAhead: 100, Memory: memory, ObjectSize: 1100})
		tk, lead := w.leader(0)
		tickets := []*Ticket{tk}
		for len(tickets) < readers {
			tickets = append(tickets, w.follower(0))
		}
		tickets = tickets[:readers]
		s := newSink(sinkSize)
		var wg sync.WaitGroup
		var committed []byte
		for i, tk := range tickets {
			wg.Go(func() {
				if d := tk.Wait(nil, 0); d != Shared {
					t.Errorf("%v", d)
					return
				}
				want := pattern(size)
				if wantErr == ErrLong {
					want = want[:min(int64(size), announced)]
				}
				var got []byte
				var err error
				if i%2 == 0 {
					var b bytes.Buffer
					_, err = tk.Reader().WriteTo(&b)
					got = b.Bytes()
				} else {
					got, err = io.ReadAll(struct{ io.Reader }{tk.Reader()})
				}
				if wantErr == nil && !bytes.Equal(got, want) || !bytes.HasPrefix(want, got) || (err == nil) != (wantErr == nil) {
					t.Errorf("size %d, announced %d, %d readers: got %d bytes, error %v", size, announced, readers, len(got), err)
				}
				if announced > 0 && int64(len(got)) >= announced && wantErr == ErrLong {
					t.Errorf("size %d, announced %d: the reader could not see that the body is cut", size, announced)
				}
				tk.Reader().Close()
			})
		}
		if readers == 0 {
			tk.Leave()
		}
		fate, err := lead.Stream(Flow{Body: struct{ io.Reader }{bytes.NewReader(pattern(size))}, Length: announced, Sink: s, Commit: func() bool { committed = s.bytes(); return true }})
		wg.Wait()
		wantKept := wantFate == Kept
		if fate != wantFate || !errors.Is(err, wantErr) {
			t.Errorf("size %d, announced %d, %d readers: fate %d, error %v", size, announced, readers, fate, err)
		}
		if wantKept && !bytes.Equal(committed, pattern(size)) || !wantKept && committed != nil {
			t.Errorf("size %d, announced %d: stored %d bytes", size, announced, len(committed))
		}
		if wantKept && len(s.chunks) != (size+sinkSize-1)/sinkSize {
			t.Errorf("size %d: %d chunks of %d", size, len(s.chunks), sinkSize)
		}
		if s.closed != 1 {
			t.Errorf("size %d: the sink was closed %d times", size, s.closed)
		}
		w.wantQuiet()
	}
	for _, size := range []int{0, 1, block - 1, block, block + 1, 2*block - 1, 2 * block, 2*block + 1, 999, 1000} {
		for _, readers := range []int{0, 1, 3} {
			f(size, int64(size), block, 0, Kept, nil, readers)
			f(size, -1, block, 0, Kept, nil, readers)
			f(size, int64(size)+1, block, 0, Broken, ErrShort, readers)
			if size > 0 {
				f(size, int64(size)-1, block, 0, Broken, ErrLong, readers)
			}
		}
		f(size, int64(size), 1, 0, Kept, nil, 1)
		if size > 0 {
			f(size, int64(size), block, -1, Crowded, nil, 2) // no memory: passed on, not kept
		}
	}
	f(1101, 1101, block, 0, TooLong, nil, 2)
	f(1101, -1, block, 0, TooLong, nil, 2)
	f(5000, -1, block, 0, TooLong, nil, 3)
	f(1101, -1, block, 0, Broken, ErrUnwanted, 0)
}

func TestCutBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, o, s := newWorld(t, Options{}), newOrigin(), newSink(16)
		tk, lead := w.leader(0)
		second := w.follower(0)
		go func() {
			fate, err := lead.Stream(Flow{Body: o, Length: -1, Sink: s, Commit: func() bool { t.Error("committed"); return true }})
			if fate != Broken || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("fate %d, error %v", fate, err)
			}
		}()
		o.send(pattern(50))
		w.wantDecision("leader", tk, Shared)
		w.wantDecision("second", second, Shared)
		o.breakOff(io.ErrUnexpectedEOF)
		w.wantBody("leader", tk.Reader(), pattern(50), io.ErrUnexpectedEOF)
		synctest.Wait()
		w.leader(0) // nobody joins what is broken
		w.wantBody("second", second.Reader(), pattern(50), io.ErrUnexpectedEOF)
	})
}

func TestReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, o, s := newWorld(t, Options{ReadAhead: 100}), newOrigin(), newSink(16)
		tk, lead := w.leader(0)
		slow := w.follower(0)
		body := pattern(900)
		for i := 0; i < 900; i += 10 {
			o.send(body[i : i+10])
		}
		o.end()
		go lead.Stream(Flow{Body: o, Length: -1, Sink: s, Commit: func() bool { return true }})
		w.wantDecision("leader", tk, Shared)
		w.wantDecision("slow", slow, Shared)
		wantRead := func(least, most int64) {
			t.Helper()
			synctest.Wait()
			if n := o.read.Load(); n < least || n > most {
				t.Errorf("%d bytes were fetched, want %d to %d", n, least, most)
			}
		}
		wantRead(100, 110)
		w.wantRead("leader", tk.Reader(), string(body[:200]))
		wantRead(300, 310)
		w.wantRead("slow", slow.Reader(), string(body[:10])) // from the store, or memory
		wantRead(300, 310)
		tk.Reader().Close()
		wantRead(300, 310) // the slow one is the fastest now
		w.wantRead("slow", slow.Reader(), string(body[10:250]))
		wantRead(350, 360)
		slow.Reader().Close()
		wantRead(900, 900) // nobody reads: it goes on to its end for the store
		if !bytes.Equal(s.bytes(), body) {
			t.Error("not stored")
		}
		w.wantQuiet()
	})
}

func TestSlowReaderAndTheStore(t *testing.T) {
	f := func(lose int, want int, wantErr error) {
		t.Helper()
		w, s := newWorld(t, Options{ReadAhead: 32}), newSink(16)
		tk, lead := w.leader(0)
		slow := w.follower(0)
		s.lost[lose] = true
		go lead.Stream(Flow{Body: bytes.NewReader(pattern(500)), Length: 500, Sink: s, Commit: func() bool { return true }})
		w.wantDecision("leader", tk, Shared)
		w.wantDecision("slow", slow, Shared)
		w.wantBody("leader", tk.Reader(), pattern(500), nil)
		tk.Reader().Close()
		w.wantBody("slow", slow.Reader(), pattern(500)[:want], wantErr)
		slow.Reader().Close()
		if s.closed != 1 {
			t.Error("the sink is open")
		}
	}
	f(-1, 500, nil)
	f(0, 0, ErrLost)
	f(3, 48, ErrLost)
}

func TestShortOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := func(memory, wantRead int64, wantFate Fate) {
			t.Helper()
			w, s := newWorld(t, Options{ReadAhead: 1000, Memory: memory}), newSink(16)
			tk, lead := w.leader(0)
			o := newOrigin()
			for i := range 500 {
				o.send(pattern(4000)[8*i : 8*i+8])
			}
			o.end()
			fate := make(chan Fate, 1)
			go func() {
				got, _ := lead.Stream(Flow{Body: o, Length: 4000, Sink: s, Commit: func() bool { return true }})
				fate <- got
			}()
			w.wantDecision("leader", tk, Shared)
			synctest.Wait()
			if n := o.read.Load(); n != wantRead || w.table.Reserved() > memory {
				t.Errorf("memory %d: %d bytes were fetched ahead, want %d; %d are reserved", memory, n, wantRead, w.table.Reserved())
			}
			w.wantBody("leader", tk.Reader(), pattern(4000), nil)
			if got := <-fate; got != wantFate {
				t.Errorf("memory %d: fate %d, want %d", memory, got, wantFate)
			}
			tk.Reader().Close()
			w.wantQuiet()
		}
		f(1032, 1000, Kept)
		f(1031, 32, Kept)
		f(64, 32, Kept)
		f(63, 32, Crowded)
	})
}

func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Stall: 5 * time.Second})
		tk, lead := w.leader(0)
		slow := w.follower(0)
		body := pattern(10 * windowBlock)
		start := time.Now()
		go lead.Stream(Flow{Body: bytes.NewReader(body), Length: -1})
		w.wantDecision("leader", tk, Shared)
		w.wantDecision("slow", slow, Shared)
		w.wantRead("slow", slow.Reader(), string(body[:10]))
		w.wantBody("leader", tk.Reader(), body, nil)
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("the leader was held up for %v", d)
		}
		tk.Reader().Close()
		w.wantBody("slow", slow.Reader(), nil, ErrSlow)
		slow.Reader().Close()
		w.wantQuiet()
	})
}

func TestLoneSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Stall: 5 * time.Second})
		tk, lead := w.leader(0)
		body := pattern(10 * windowBlock)
		go lead.Stream(Flow{Body: bytes.NewReader(body), Length: -1})
		w.wantDecision("leader", tk, Shared)
		w.wantRead("leader", tk.Reader(), string(body[:10]))
		time.Sleep(time.Hour)
		w.wantBody("leader", tk.Reader(), body[10:], nil)
		tk.Reader().Close()
		synctest.Wait()
		w.wantQuiet()
	})
}

func TestSkipAndLimit(t *testing.T) {
	f := func(skip, limit int64, want []byte) {
		t.Helper()
		w := newWorld(t, Options{ReadAhead: 32})
		tk, lead := w.leader(0)
		w.follower(0).Leave()
		go lead.Stream(Flow{Body: bytes.NewReader(pattern(500)), Length: 500, Sink: newSink(16), Commit: func() bool { return true }})
		w.wantDecision("leader", tk, Shared)
		tk.Reader().Skip(skip)
		if limit >= 0 {
			tk.Reader().Limit(limit)
		}
		w.wantBody(fmt.Sprint(skip, limit), tk.Reader(), want, nil)
		tk.Reader().Close()
	}
	all := pattern(500)
	f(0, -1, all)
	f(0, 0, nil)
	f(499, 1, all[499:])
	f(499, 10, all[499:])
	f(500, 1, nil)
	f(1000, 1, nil)
	f(40, 3, all[40:43])
	f(300, -1, all[300:])
}

func TestSinkRefuses(t *testing.T) {
	w, s := newWorld(t, Options{}), newSink(16)
	s.refuse = true
	tk, lead := w.leader(0)
	go lead.Stream(Flow{Body: bytes.NewReader(pattern(500)), Length: 500, Sink: s, Commit: func() bool { t.Error("committed"); return true }})
	w.wantDecision("leader", tk, Shared)
	w.wantBody("leader", tk.Reader(), pattern(500), nil)
	tk.Reader().Close()
}

func TestCommittedBeforeTheLastByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, length := range []int64{64, -1} {
			w, s, o := newWorld(t, Options{}), newSink(16), newOrigin()
			tk, lead := w.leader(0)
			committed := false
			go lead.Stream(Flow{Body: o, Length: length, Sink: s, Commit: func() bool { committed = true; return true }})
			w.wantDecision("leader", tk, Shared)
			o.send(pattern(64))
			synctest.Wait()
			o.end()
			if length < 0 {
				w.wantBody("leader", tk.Reader(), pattern(64), nil)
			} else {
				w.wantRead("leader", tk.Reader(), string(pattern(64)))
			}
			if !committed {
				t.Errorf("length %d: all is read and nothing is stored", length)
			}
		}
	})
}
