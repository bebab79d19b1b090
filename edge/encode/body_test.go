package encode

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	brotli "github.com/molecule-man/go-brrr"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func decode(c Coding, b []byte) ([]byte, error) {
	var r io.Reader = bytes.NewReader(b)
	var err error
	switch c {
	case Brotli:
		r = brotli.NewReader(r)
	case Zstd:
		r, err = zstd.NewReader(r)
	case Gzip:
		r, err = gzip.NewReader(r)
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// parts is a body that comes in parts, and may break off.
type parts struct {
	rest   []string
	err    error
	closed *int
}

func (p *parts) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		return 0, io.EOF
	}
	n := copy(b, p.rest[0])
	if p.rest[0] = p.rest[0][n:]; p.rest[0] == "" {
		p.rest = p.rest[1:]
	}
	return n, nil
}

func (p *parts) WriteTo(w io.Writer) (n int64, err error) {
	for ; len(p.rest) > 0; p.rest = p.rest[1:] {
		m, err := io.WriteString(w, p.rest[0])
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, p.err
}

func (p *parts) Close() error { *p.closed++; return nil }

var errBroke = errors.New("broke")

// Whatever way a body is pulled, it comes out as it went in, or is visibly cut.
func TestBody(t *testing.T) {
	long := strings.Repeat("The quick brown fox. ", 20_000)
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	ways := map[string]func(b exchange.Body) ([]byte, error){
		"WriteTo": func(b exchange.Body) ([]byte, error) {
			var w bytes.Buffer
			n, err := b.WriteTo(&w)
			if n != int64(w.Len()) {
				t.Errorf("WriteTo says %d bytes, it wrote %d", n, w.Len())
			}
			return w.Bytes(), err
		},
		"Read": func(b exchange.Body) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{b}) },
		"Read, WriteTo": func(b exchange.Body) ([]byte, error) {
			var w bytes.Buffer
			if _, err := io.CopyN(&w, struct{ io.Reader }{b}, 5); err != nil {
				return w.Bytes(), err
			}
			_, err := b.WriteTo(&w)
			return w.Bytes(), err
		},
	}
	for _, level := range []Level{Default, Fast, Best} {
		e := New(Options{Level: level})
		f := func(content ...string) {
			t.Helper()
			for _, c := range all {
				for _, live := range []bool{false, true} {
					for way, pull := range ways {
						closed := 0
						b := e.Body(&parts{rest: append([]string(nil), content...), closed: &closed}, c, live)
						got, err := pull(b)
						b.Close()
						plain, derr := decode(c, got)
						if err != nil || derr != nil || string(plain) != strings.Join(content, "") || closed != 1 {
							t.Errorf("%s, level %d, live %t, by %s: %d bytes make %d, errors %v, %v; closed %d times", c, level, live, way, len(got), len(plain), err, derr, closed)
						}

						b = e.Body(&parts{rest: append([]string(nil), content...), err: errBroke, closed: &closed}, c, live)
						got, err = pull(b)
						b.Close()
						if _, derr := decode(c, got); err != errBroke || derr == nil && len(got) > 0 {
							t.Errorf("%s, level %d, live %t, by %s: of a body that broke off %d bytes came, error %v, and decoding them gave %v", c, level, live, way, len(got), err, derr)
						}
					}
				}
			}
		}
		f("x")
		f("The quick ", "brown fox")
		f(long)
		f(long[:70_000], long[70_000:70_001], long[70_001:])
		f(string(noise))
	}
}

// A live body's parts can be read before the next one is there.
func TestLive(t *testing.T) {
	for _, c := range all {
		e := New(Options{})
		r, w := io.Pipe()
		closed := 0
		var sent bytes.Buffer
		b := e.Body(&parts{rest: []string{"first ", "second"}, closed: &closed}, c, true)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, err := b.WriteTo(writerFunc(func(p []byte) (int, error) { return w.Write(p) }))
			w.CloseWithError(err)
		}()
		var d io.Reader
		switch c {
		case Brotli:
			d = brotli.NewReader(io.TeeReader(r, &sent))
		case Gzip:
			d, _ = gzip.NewReader(io.TeeReader(r, &sent))
		case Zstd:
			d, _ = zstd.NewReader(io.TeeReader(r, &sent), zstd.WithDecoderConcurrency(1))
		}
		got := make([]byte, len("first "))
		if _, err := io.ReadFull(d, got); err != nil || string(got) != "first " {
			t.Errorf("%s: %q, %v", c, got, err)
		}
		before := sent.Len()
		if rest, err := io.ReadAll(d); err != nil || string(rest) != "second" {
			t.Errorf("%s: then %q, %v", c, rest, err)
		}
		if sent.Len() == before {
			t.Errorf("%s: the first part came with the last", c)
		}
		io.Copy(io.Discard, r) // a decoder may know the end before it has seen all
		<-done
		b.Close()
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Many responses share one encoder and its pools.
func TestHammer(t *testing.T) {
	e := New(Options{Level: Fast})
	stop := time.Now().Add(100 * time.Millisecond)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			closed := 0
			for time.Now().Before(stop) {
				content := strings.Repeat(string(rune('a'+r.IntN(26)))+"bc", 1+r.IntN(5000))
				c := all[r.IntN(len(all))]
				b := e.Body(&parts{rest: []string{content}, closed: &closed}, c, r.IntN(2) == 0)
				var w bytes.Buffer
				if r.IntN(4) > 0 { // else it is closed before its end
					b.WriteTo(&w)
					if plain, err := decode(c, w.Bytes()); err != nil || string(plain) != content {
						t.Errorf("%s: %d bytes came back as %d, %v", c, len(content), len(plain), err)
					}
				} else {
					b.Read(make([]byte, 1))
				}
				b.Close()
			}
		})
	}
	wg.Wait()
}

// Each compression is told of once, with what it took and gave.
func TestMade(t *testing.T) {
	text := strings.Repeat("The quick brown fox. ", 10_000)
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for _, c := range all {
		var told []Made
		e := New(Options{Made: func(m Made) { told = append(told, m) }})
		f := func(what string, use Use, in int, out int64) {
			t.Helper()
			if len(told) != 1 {
				t.Fatalf("%s, %s: told %d times", c, what, len(told))
			}
			m := told[0]
			told = nil
			if m.Coding != c || m.Use != use || m.In != int64(in) || out >= 0 && m.Out != out {
				t.Errorf("%s, %s: told %+v, want %v of %d to %d bytes", c, what, m, use, in, out)
			}
			if measured := use != Sent && in > 0; haveThreadTime && measured != (m.CPU > 0) {
				t.Errorf("%s, %s: it took %v", c, what, m.CPU)
			}
		}
		closed := 0
		var w bytes.Buffer
		b := e.Body(&parts{rest: []string{text[:1000], text[1000:]}, closed: &closed}, c, true)
		b.WriteTo(&w)
		b.Close()
		f("WriteTo", Sent, len(text), int64(w.Len()))

		b = e.Body(&parts{rest: []string{text}, closed: &closed}, c, false)
		w.Reset()
		io.CopyN(&w, struct{ io.Reader }{b}, 5)
		n, err := b.WriteTo(&w)
		b.Close()
		if err != nil || n != int64(w.Len()-5) {
			t.Errorf("%s: after Read WriteTo says %d bytes, %v; it wrote %d", c, n, err, w.Len()-5)
		}
		f("Read, WriteTo", Sent, len(text), int64(w.Len()))

		b = e.Body(&parts{rest: []string{text}, err: errBroke, closed: &closed}, c, true)
		w.Reset()
		b.WriteTo(&w)
		b.Close()
		f("broken off", Sent, len(text), -1)

		b = e.Body(&parts{rest: []string{text}, closed: &closed}, c, false)
		b.Close()
		if len(told) != 0 {
			t.Errorf("%s: a body that was never read is told of", c)
		}

		made, _ := e.Compress(&parts{rest: []string{text}, closed: &closed}, int64(len(text)), c)
		f("once", Kept, len(text), int64(len(made)))
		if made, _ := e.Compress(&parts{rest: []string{string(noise)}, closed: &closed}, int64(len(noise)), c); made != nil {
			t.Errorf("%s: noise is kept", c)
		}
		f("noise", Dropped, len(noise), -1)
		if made, err := e.Compress(&parts{rest: []string{text}, err: errBroke, closed: &closed}, int64(len(text)), c); made != nil || err != errBroke {
			t.Errorf("%s: what broke off is kept, or %v", c, err)
		}
		f("once, broken off", Dropped, len(text), -1)
	}
}
