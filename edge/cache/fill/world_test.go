package fill

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type guard struct{ purged atomic.Bool }

func (g *guard) Current() bool { return !g.purged.Load() }

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

type origin struct {
	parts chan []byte
	err   error
	read  atomic.Int64
	rest  []byte
}

func newOrigin() *origin { return &origin{parts: make(chan []byte, 1000), err: io.EOF} }

func (o *origin) send(b []byte) { o.parts <- b }

func (o *origin) end() { close(o.parts) }

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

type world struct {
	t     *testing.T
	table *Table
	guard *guard
}

func newWorld(t *testing.T, o Options) *world {
	return &world{t: t, table: NewTable(o), guard: new(guard)}
}

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

func (w *world) wantQuiet() {
	w.t.Helper()
	if n := w.table.Live(); n != 0 {
		w.t.Errorf("%d fills are still listed", n)
	}
	if n := w.table.Reserved(); n != 0 {
		w.t.Errorf("%d bytes are still reserved", n)
	}
}
