package fill

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type guard struct{ purged atomic.Bool }

func (g *guard) Current() bool { return !g.purged.Load() }

// A sink remembers what it was given, and can lose it.
type sink struct {
	mu     sync.Mutex
	size   int
	chunks [][]byte
	lost   map[int]bool
	closed int
	refuse bool
}

func newSink(size int) *sink { return &sink{size: size, lost: map[int]bool{}} }

func (s *sink) Size() int { return s.size }

func (s *sink) Put(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse {
		return errors.New("full")
	}
	if len(b) == 0 || len(b) > s.size || len(s.chunks) > 0 && len(s.chunks[len(s.chunks)-1]) < s.size {
		panic(fmt.Sprintf("chunk %d has %d bytes", len(s.chunks), len(b)))
	}
	s.chunks = append(s.chunks, bytes.Clone(b))
	return nil
}

func (s *sink) Chunk(n, want int, dst []byte) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed > 0 {
		panic("read after Close")
	}
	if s.lost[n] || n >= len(s.chunks) || len(s.chunks[n]) != want {
		return nil, false
	}
	return append(dst, s.chunks[n]...), true
}

func (s *sink) Close() { s.mu.Lock(); s.closed++; s.mu.Unlock() }

func (s *sink) bytes() []byte { s.mu.Lock(); defer s.mu.Unlock(); return bytes.Join(s.chunks, nil) }

// An origin is a body that comes when the test says so.
type origin struct {
	parts chan []byte
	err   error
	read  atomic.Int64
	rest  []byte
}

func newOrigin() *origin { return &origin{parts: make(chan []byte, 1000), err: io.EOF} }

func (o *origin) send(b []byte)    { o.parts <- b }
func (o *origin) end()             { close(o.parts) }
func (o *origin) breakOff(e error) { o.err = e; close(o.parts) }

func (o *origin) Read(p []byte) (int, error) {
	if len(o.rest) == 0 {
		b, ok := <-o.parts
		if !ok {
			return 0, o.err
		}
		o.rest = b
	}
	n := copy(p, o.rest)
	o.rest = o.rest[n:]
	o.read.Add(int64(n))
	return n, nil
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// A world is a table, with words for the tests.
type world struct {
	t     *testing.T
	table *Table
	guard *guard
}

func newWorld(t *testing.T, o Options) *world {
	return &world{t: t, table: NewTable(o), guard: new(guard)}
}

// ask joins as a request of a variant: the value of the only field that may vary.
func (w *world) ask(variant byte) *Ticket { return w.table.Join(w.request(variant)) }

func (w *world) request(variant byte) Request {
	return Request{
		Match: func(names []string) (k Key) {
			if len(names) > 0 {
				k[0] = variant
			}
			return k
		},
		Guard: func() Guard { return w.guard },
	}
}

func (w *world) leader(variant byte) (*Ticket, *Filling) {
	w.t.Helper()
	tk := w.ask(variant)
	if !tk.Leads() {
		w.t.Fatal("the first request does not lead")
	}
	return tk, tk.Filling()
}

func (w *world) follower(variant byte) *Ticket {
	w.t.Helper()
	tk := w.ask(variant)
	if tk.Leads() {
		w.t.Fatal("a later request leads")
	}
	return tk
}

func (w *world) wantDecision(who string, tk *Ticket, want Decision) {
	w.t.Helper()
	if got := tk.Wait(nil, time.Minute); got != want {
		w.t.Errorf("%s: %v, want %v", who, got, want)
	}
}

func (w *world) wantBody(who string, r io.Reader, want []byte, wantErr error) {
	w.t.Helper()
	var got bytes.Buffer
	_, err := io.Copy(&got, r)
	if !errors.Is(err, wantErr) || !bytes.Equal(got.Bytes(), want) {
		w.t.Errorf("%s: read %d bytes (right: %t), error %v; want %d, %v", who, got.Len(), bytes.Equal(got.Bytes(), want), err, len(want), wantErr)
	}
}

func (w *world) wantRead(who string, r io.Reader, want string) {
	w.t.Helper()
	b := make([]byte, len(want))
	if n, err := io.ReadFull(r, b); err != nil || string(b) != want {
		w.t.Errorf("%s: read %q, error %v; want %q", who, b[:n], err, want)
	}
}

// wantQuiet says that nothing is left behind.
func (w *world) wantQuiet() {
	w.t.Helper()
	if n := w.table.Live(); n != 0 {
		w.t.Errorf("%d fills are still listed", n)
	}
	if n := w.table.Reserved(); n != 0 {
		w.t.Errorf("%d bytes are still reserved", n)
	}
}

func TestStreamsFromTheFirstByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, o, s := newWorld(t, Options{}), newOrigin(), newSink(16)
		tk, lead := w.leader(0)
		second := w.follower(0)
		committed := false
		go func() {
			fate, err := lead.Stream(Flow{Answer: Answer{Head: "head"}, Body: o, Length: -1, Sink: s, Commit: func() bool { committed = true; return true }})
			if fate != Kept || err != nil {
				t.Errorf("fate %d, error %v", fate, err)
			}
		}()
		w.wantDecision("leader", tk, Shared)
		w.wantDecision("second", second, Shared)
		if second.Answer().Head != "head" {
			t.Errorf("the head is %v", second.Answer().Head)
		}
		o.send([]byte("first bytes, "))
		w.wantRead("second", second.Reader(), "first bytes, ")
		third := w.follower(0) // while the body arrives
		w.wantDecision("third", third, Shared)
		w.wantRead("third", third.Reader(), "first bytes, ")
		o.send([]byte("and the last ones"))
		synctest.Wait()
		if committed {
			t.Error("committed before the end")
		}
		o.end()
		w.wantBody("leader", tk.Reader(), []byte("first bytes, and the last ones"), nil)
		w.wantBody("second", second.Reader(), []byte("and the last ones"), nil)
		w.wantBody("third", third.Reader(), []byte("and the last ones"), nil)
		for _, tk := range []*Ticket{tk, second, third} {
			tk.Reader().Close()
		}
		if !committed || string(s.bytes()) != "first bytes, and the last ones" || s.closed != 1 {
			t.Errorf("committed %t, stored %q, closed %d times", committed, s.bytes(), s.closed)
		}
		w.wantQuiet()
		w.leader(0)
	})
}

func TestDecisions(t *testing.T) {
	f := func(name string, do func(l *Filling), leader, first, second Decision) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			tk, lead := w.leader(0)
			a, b := w.follower(0), w.follower(0)
			do(lead)
			w.wantDecision(name+": leader", tk, leader)
			w.wantDecision(name+": first waiter", a, first)
			w.wantDecision(name+": second waiter", b, second)
			do(lead) // ends nothing a second time
		})
	}
	f("release", func(l *Filling) { l.Release() }, Released, Released, Released)
	f("fail", func(l *Filling) { l.Fail(io.ErrUnexpectedEOF) }, Failed, Failed, Failed)
	f("abandon", func(l *Filling) { l.Abandon() }, Failed, Turn, TimedOut)
	f("again", func(l *Filling) { l.Again() }, Turn, TimedOut, TimedOut)
	f("share", func(l *Filling) { l.Share(Answer{}, []byte("made")) }, Shared, Shared, Shared)
	f("refresh", func(l *Filling) { l.Refresh(Answer{}) }, Shared, Shared, Shared)
	f("share with itself", func(l *Filling) { l.Share(Answer{Own: true}, []byte("made")) }, Shared, Released, Released)
	f("refresh for itself", func(l *Filling) { l.Refresh(Answer{Own: true}) }, Shared, Released, Released)
	f("stream to itself", func(l *Filling) {
		go l.Stream(Flow{Answer: Answer{Own: true}, Body: bytes.NewReader(nil), Length: 0})
	}, Shared, Released, Released)
	f("nothing", func(l *Filling) {}, TimedOut, TimedOut, TimedOut)
	f("panic in the body", func(l *Filling) {
		defer func() { recover() }()
		l.Stream(Flow{Body: panics{}, Length: -1})
	}, Shared, Shared, Shared)
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("in the body") }

func TestFailTellsWhy(t *testing.T) {
	w := newWorld(t, Options{})
	_, lead := w.leader(0)
	tk := w.follower(0)
	lead.Fail(io.ErrUnexpectedEOF)
	w.wantDecision("waiter", tk, Failed)
	if tk.Err() != io.ErrUnexpectedEOF {
		t.Errorf("error %v", tk.Err())
	}
	w.wantQuiet()
}

func TestSharedWholeBody(t *testing.T) {
	for _, body := range []string{"", "made"} {
		w := newWorld(t, Options{})
		tk, lead := w.leader(0)
		other := w.follower(0)
		lead.Share(Answer{}, []byte(body))
		for _, x := range []*Ticket{tk, other} {
			w.wantDecision("waiter", x, Shared)
			w.wantBody("waiter", x.Reader(), []byte(body), nil)
			x.Reader().Close()
		}
		w.leader(0) // later ones do not get it
	}
}

// Each leader gives up: the turn goes from one to the next, in order, and never
// to two.
func TestTurnPassesToOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		_, lead := w.leader(0)
		var fetching, most, turns atomic.Int64
		for range 20 {
			tk := w.follower(0)
			go func() {
				if d := tk.Wait(nil, time.Hour); d != Turn {
					t.Errorf("%v", d)
					return
				}
				turns.Add(1)
				most.Store(max(most.Load(), fetching.Add(1)))
				time.Sleep(time.Second)
				fetching.Add(-1)
				tk.Filling().Abandon()
				if d := tk.Wait(nil, time.Hour); d != Failed || tk.Err() != ErrAbandoned {
					t.Errorf("after it gave up: %v, %v", d, tk.Err())
				}
			}()
		}
		lead.Abandon()
		time.Sleep(time.Hour)
		if turns.Load() != 20 || most.Load() != 1 {
			t.Errorf("%d turns, %d at once", turns.Load(), most.Load())
		}
		w.wantQuiet()
	})
}

func TestTurnThenStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		_, lead := w.leader(0)
		a, b := w.follower(0), w.follower(0)
		lead.Abandon()
		w.wantDecision("first waiter", a, Turn)
		late := w.follower(0)
		go a.Filling().Stream(Flow{Body: bytes.NewReader(pattern(100)), Length: 100, Sink: newSink(16), Commit: func() bool { return true }})
		for _, tk := range []*Ticket{a, b, late} {
			w.wantDecision("after the turn", tk, Shared)
			w.wantBody("after the turn", tk.Reader(), pattern(100), nil)
			tk.Reader().Close()
		}
		w.wantQuiet()
	})
}

// Whoever has the turn and leaves without fetching passes it on.
func TestLeaveWithTheTurn(t *testing.T) {
	w := newWorld(t, Options{})
	tk, _ := w.table.Join(w.request(0)), 0
	a, b, c := w.follower(0), w.follower(0), w.follower(0)
	tk.Leave()
	tk.Leave()
	a.Leave() // has the turn, does not know it yet
	w.wantDecision("third", b, Turn)
	b.Leave()
	w.wantDecision("fourth", c, Turn)
	c.Filling()
	c.Leave() // its fetch goes on
	if n := w.table.Live(); n != 1 {
		t.Errorf("%d fills", n)
	}
	c.Filling().Fail(io.EOF)
	w.wantQuiet()
}

func TestTimeoutAndGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		_, lead := w.leader(0)
		gone := make(chan struct{})
		a, b, c := w.follower(0), w.follower(0), w.follower(0)
		start := time.Now()
		if d := a.Wait(nil, 3*time.Second); d != TimedOut || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", d, time.Since(start))
		}
		time.AfterFunc(time.Second, func() { close(gone) })
		if d := b.Wait(gone, time.Minute); d != Gone || time.Since(start) != 4*time.Second {
			t.Errorf("%v after %v", d, time.Since(start))
		}
		lead.Abandon()
		if d := c.Wait(gone, 1); d != Turn {
			t.Errorf("the decision was there, but %v", d)
		}
		a.Leave()
		b.Leave()
	})
}

func TestVariants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		tk, lead := w.leader('a')
		same, otherOne, otherTwo := w.follower('a'), w.follower('b'), w.follower('b')
		k := Key{'a'}
		o := newOrigin()
		go lead.Stream(Flow{Answer: Answer{Names: []string{"accept"}, Variant: k}, Body: o, Length: -1, Sink: newSink(16), Commit: func() bool { return true }})
		w.wantDecision("leader", tk, Shared)
		w.wantDecision("same variant", same, Shared)
		w.wantDecision("first of the other", otherOne, Turn)
		late := w.follower('a') // the response has not come to its end
		w.wantDecision("late, of the first variant", late, Shared)
		o2 := newOrigin()
		done := make(chan Decision)
		go func() { done <- otherTwo.Wait(nil, time.Hour) }()
		synctest.Wait()
		go otherOne.Filling().Stream(Flow{Answer: Answer{Names: []string{"accept"}, Variant: Key{'b'}}, Body: o2, Length: -1})
		if d := <-done; d != Shared {
			t.Errorf("second of the other variant: %v", d)
		}
		o.end()
		o2.send([]byte("other"))
		o2.end()
		w.wantDecision("first of the other, again", otherOne, Shared)
		w.wantBody("second of the other", otherTwo.Reader(), []byte("other"), nil)
		for _, x := range []*Ticket{tk, same, late, otherOne, otherTwo} {
			x.Leave()
		}
		synctest.Wait()
		w.wantQuiet()
	})
}

func TestNobodyJoinsAPurgedFetch(t *testing.T) {
	w := newWorld(t, Options{})
	_, lead := w.leader(0)
	before := w.follower(0)
	w.guard.purged.Store(true)
	w.guard = new(guard)
	_, fresh := w.leader(0)
	after := w.follower(0)
	lead.Release()
	fresh.Fail(io.EOF)
	w.wantDecision("before the purge", before, Released)
	w.wantDecision("after the purge", after, Failed)
	w.wantQuiet()
}

func TestStoredMeanwhile(t *testing.T) {
	w := newWorld(t, Options{})
	r := w.request(0)
	r.Stored = func() bool { return true }
	tk := w.table.Join(r)
	if tk.Leads() || !tk.Stored() || tk.Wait(nil, 0) != Shared {
		t.Error("what has been stored is fetched again")
	}
	tk.Leave()
}

func TestAloneAndTooManyWaiters(t *testing.T) {
	w := newWorld(t, Options{Waiters: 2})
	r := w.request(0)
	r.Alone = true
	alone := w.table.Join(r)
	if !alone.Leads() {
		t.Error("alone, but does not lead")
	}
	_, lead := w.leader(0)
	w.follower(0)
	w.wantDecision("one too many", w.follower(0), Released)
	lead.Release()
	alone.Filling().Release()
	w.wantQuiet()
}

// Whatever the size, chunk and block boundaries, all of the body comes through,
// and what is stored is the same.
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

// A reader far behind reads from the store; if that has lost the bytes, it sees
// an error, not a gap.
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

// Where memory is short a fetch runs less far ahead, but its body is kept.
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

// Where nothing is stored the slowest reader sets the pace, and is cut when it
// stands still.
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

// A lone reader may be as slow as it likes.
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

// A client that has read all of the body finds it stored.
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

func TestRefused(t *testing.T) {
	r, now := new(Refused), time.Unix(1000, 0)
	f := func(what string, k Key, at time.Time, want bool) {
		t.Helper()
		if got := r.Has(k, at); got != want {
			t.Errorf("%s: %t", what, got)
		}
	}
	a, b := Key{1}, Key{1, 15: 1} // the same place
	f("unknown", a, now, false)
	r.Add(a, now.Add(time.Second))
	f("known", a, now, true)
	f("another key in its place", b, now, false)
	f("too late", a, now.Add(time.Second), false)
	r.Add(b, now.Add(time.Second))
	f("pushed out", a, now, false)
	r.Forget(a)
	f("forgetting another", b, now, true)
	r.Forget(b)
	f("forgotten", b, now, false)
}

// Leaders that stream, fail, give up and panic, waiters that leave, purges: every
// ticket gets a decision, every body is right or ends with an error, and nothing
// is left.
func TestHammer(t *testing.T) {
	w := newWorld(t, Options{ReadAhead: 64, Memory: 4096, ObjectSize: 600})
	var wg sync.WaitGroup
	var g atomic.Pointer[guard]
	g.Store(new(guard))
	stop := time.Now().Add(100 * time.Millisecond)
	lead := func(r *rand.Rand, l *Filling, variant byte) {
		switch r.IntN(7) {
		case 0:
			l.Release()
		case 1:
			l.Fail(io.EOF)
		case 2:
			l.Abandon()
		case 3:
			l.Share(Answer{}, pattern(100))
		case 4:
			defer func() { recover() }()
			l.Stream(Flow{Body: panics{}, Length: -1})
		default:
			n, a := r.IntN(1000), Answer{}
			if r.IntN(2) == 0 {
				a = Answer{Names: []string{"accept"}, Variant: Key{variant}}
			}
			l.Stream(Flow{Answer: a, Body: bytes.NewReader(pattern(n)), Length: int64(n - r.IntN(2)), Sink: newSink(16), Commit: func() bool { return true }})
		}
	}
	for i := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			for time.Now().Before(stop) {
				variant := byte(1 + r.IntN(2))
				req := w.request(variant)
				req.Guard = func() Guard { return g.Load() }
				req.Key[0] = byte(r.IntN(2))
				tk := w.table.Join(req)
				if r.IntN(20) == 0 {
					g.Swap(new(guard)).purged.Store(true)
				}
				if r.IntN(5) == 0 {
					tk.Leave()
					continue
				}
				gone := make(chan struct{})
				if r.IntN(5) == 0 {
					close(gone)
				}
				for {
					if tk.Leads() {
						l, seed := tk.Filling(), r.Uint64()
						wg.Go(func() { lead(rand.New(rand.NewPCG(seed, 1)), l, variant) })
					}
					d := tk.Wait(gone, 10*time.Second)
					if d == Turn {
						continue
					}
					if d == TimedOut {
						t.Error("no decision")
					}
					if d == Shared {
						got, _ := io.ReadAll(struct{ io.Reader }{io.LimitReader(tk.Reader(), int64(r.IntN(2000)))})
						if !bytes.HasPrefix(pattern(1000), got) {
							t.Error("wrong bytes")
						}
						tk.Reader().Close()
					}
					break
				}
			}
		})
	}
	wg.Wait()
	w.wantQuiet()
}
