package wasi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/hostcall/hostcalltest"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

type bound struct{ s *wasi.State }

func (b bound) WASI() *wasi.State { return b.s }

var preview1 = func() []hostcall.Func { f := wasi.Funcs(); return f[:len(f)/2] }()

func newGuest(s *wasi.State) *hostcalltest.Guest { return hostcalltest.New(256, bound{s}) }

// call returns the errno.
func call(t *testing.T, g *hostcalltest.Guest, name string, params ...uint64) uint64 {
	t.Helper()
	r, err := g.Call(hostcalltest.Find(preview1, name), params...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r[0]
}

func TestEveryFunctionHasBothNames(t *testing.T) {
	all := wasi.Funcs()
	seen := map[string]int{}
	for _, f := range all {
		seen[f.Module+"."+f.Name]++
	}
	if len(all) != 2*46 || len(seen) != len(all) {
		t.Errorf("%d functions, %d different; preview 1 has 45 and sock_accept", len(all), len(seen))
	}
	for _, f := range all[:46] {
		if seen[wasi.Unstable+"."+f.Name] != 1 {
			t.Errorf("%s is missing under the older name", f.Name)
		}
	}
}

func TestWrites(t *testing.T) {
	s := &wasi.State{Args: []string{"a", "bc"}, Environ: []string{"K=v"}, Random: func(b []byte) {
		for i := range b {
			b[i] = 0x5a
		}
	}}
	f := func(want string, name string, params ...uint64) {
		t.Helper()
		g := hostcalltest.New(26, bound{s})
		if e := call(t, g, name, params...); e != 0 {
			t.Errorf("%s: errno %d", name, e)
		}
		if got := string(g.Bytes); got != want+strings.Repeat("?", 26-len(want)) {
			t.Errorf("%s wrote\n%q, want\n%q", name, got, want)
		}
	}
	f("?\x02\x00\x00\x00?\x05\x00\x00\x00?", "args_sizes_get", 1, 6)
	f("?a\x00bc\x00?\x01\x00\x00\x00\x03\x00\x00\x00?", "args_get", 7, 1)
	f("?\x01\x00\x00\x00?\x04\x00\x00\x00?", "environ_sizes_get", 1, 6)
	f("?K=v\x00?\x01\x00\x00\x00?", "environ_get", 6, 1)
	f("?\x01\x00\x00\x00\x00\x00\x00\x00?", "clock_res_get", 0, 1)
	f("?ZZZ?", "random_get", 1, 3)
	f("?\x02\x00\x00\x00\x00\x00\x00\x00\x40"+strings.Repeat("\x00", 15)+"?", "fd_fdstat_get", 1, 1)
	f("?\x02\x00\x00\x00\x00\x00\x00\x00\x02"+strings.Repeat("\x00", 15)+"?", "fd_fdstat_get", 0, 1)
}

func TestErrno(t *testing.T) {
	f := func(want uint64, name string, params ...uint64) {
		t.Helper()
		g := newGuest(&wasi.State{})
		if e := call(t, g, name, params...); e != want {
			t.Errorf("%s(%d): errno %d, want %d", name, params, e, want)
		}
		if bytes.Count(g.Bytes, []byte{hostcalltest.Sentinel}) != len(g.Bytes) {
			t.Errorf("%s(%d) failed and wrote into the guest", name, params)
		}
	}
	const badf, inval, nosys, notsock, spipe, notcapable = 8, 28, 52, 57, 70, 76
	f(badf, "fd_write", 0, 0, 0, 0)
	f(badf, "fd_write", 3, 0, 0, 0)
	f(inval, "fd_write", 1, 0, 1025, 0)
	f(badf, "fd_read", 1, 0, 0, 0)
	f(badf, "fd_prestat_get", 3, 0)
	f(badf, "fd_prestat_dir_name", 3, 0, 9)
	f(badf, "fd_close", 3)
	f(0, "fd_close", 1)
	f(badf, "fd_fdstat_get", 3, 0)
	f(spipe, "fd_seek", 1, 0, 0, 0)
	f(badf, "fd_seek", math.MaxUint32, 0, 0, 0)
	f(badf, "path_open", 3, 0, 0, 5, 0, 0, 0, 0, 0)
	f(notcapable, "path_open", 0, 0, 0, 5, 0, 0, 0, 0, 0)
	f(badf, "path_symlink", 0, 0, 3, 0, 0)
	f(notsock, "sock_recv", 0, 0, 0, 0, 0, 0)
	f(badf, "sock_accept", 5, 0, 0)
	f(nosys, "proc_raise", 9)
	f(inval, "clock_time_get", 2, 0, 0)
	f(inval, "clock_res_get", 3, 0)
	f(inval, "poll_oneoff", 0, 0, 0, 0)
	f(inval, "poll_oneoff", 0, 0, 129, 0)
	f(0, "sched_yield")
}

// Every pointer of every function, one byte too far.
func TestPointers(t *testing.T) {
	const size, fault = 256, 21
	s := &wasi.State{Args: []string{"a", "bc"}, Environ: []string{"K=v"}}
	// put writes numbers of 32 bits at an address of the guest, before the call.
	type put struct {
		at uint32
		v  []uint32
	}
	f := func(what string, p put, name string, params ...uint64) {
		t.Helper()
		g := newGuest(s)
		for i, v := range p.v {
			binary.LittleEndian.PutUint32(g.Bytes[p.at+uint32(i)*4:], v)
		}
		if e := call(t, g, name, params...); e != fault {
			t.Errorf("%s: %s exceeds the maximum valid address by 1: errno %d, want fault", name, what, e)
		}
	}
	none := put{}
	f("count", none, "args_sizes_get", size-3, 0)
	f("bytes", none, "args_sizes_get", 0, size-3)
	f("list", none, "args_get", size-7, 0)
	f("buffer", none, "args_get", 0, size-4)
	f("count", none, "environ_sizes_get", size-3, 0)
	f("bytes", none, "environ_sizes_get", 0, size-3)
	f("list", none, "environ_get", size-3, 0)
	f("buffer", none, "environ_get", 0, size-3)
	f("resolution", none, "clock_res_get", 0, size-7)
	f("time", none, "clock_time_get", 0, 0, size-7)
	f("time", none, "clock_time_get", 1, 0, math.MaxUint32)
	f("buffer", none, "random_get", size-2, 3)
	f("buffer", none, "random_get", 1, math.MaxUint32)
	f("vectors", none, "fd_write", 1, size-7, 1, 0)
	f("buffer of a vector", put{0, []uint32{size - 2, 3}}, "fd_write", 1, 0, 1, 64)
	f("buffer of the second vector", put{0, []uint32{0, 1, size - 2, 3}}, "fd_write", 1, 0, 2, 64)
	f("length of a vector", put{0, []uint32{1, math.MaxUint32}}, "fd_write", 1, 0, 1, 64)
	f("written", put{0, []uint32{16, 3}}, "fd_write", 1, 0, 1, size-3)
	f("vectors", none, "fd_read", 0, size-7, 1, 0)
	f("buffer of a vector", put{0, []uint32{size - 2, 3}}, "fd_read", 0, 0, 1, 64)
	f("read", put{0, []uint32{16, 3}}, "fd_read", 0, 0, 1, size-3)
	f("stat", none, "fd_fdstat_get", 1, size-23)
	f("subscriptions", none, "poll_oneoff", size-47, 0, 1, 0)
	f("events", none, "poll_oneoff", 0, size-31, 1, 0)
	f("occurred", none, "poll_oneoff", 0, 0, 1, size-3)
}

func TestLines(t *testing.T) {
	f := func(name string, want []string, writes ...string) {
		t.Helper()
		var got []string
		s := &wasi.State{Line: func(fd uint32, line []byte) {
			if len(line) > wasi.MaxLine {
				t.Errorf("%s: a line of %d bytes", name, len(line))
			}
			text := string(line)
			if len(text) > 10 {
				text = fmt.Sprintf("%d bytes", len(text))
			}
			got = append(got, fmt.Sprintf("%d %s", fd, text))
		}}
		for _, w := range writes {
			fd, text := uint64(w[0]-'0'), w[1:]
			g := hostcalltest.New(len(text)+16, bound{s})
			binary.LittleEndian.PutUint32(g.Bytes[0:], 12)
			binary.LittleEndian.PutUint32(g.Bytes[4:], uint32(len(text)))
			copy(g.Bytes[12:], text)
			if e := call(t, g, "fd_write", fd, 0, 1, 8); e != 0 || binary.LittleEndian.Uint32(g.Bytes[8:]) != uint32(len(text)) {
				t.Errorf("%s: errno %d, written %d", name, e, g.Bytes[8])
			}
			if g.Fuel < int64(len(text)) {
				t.Errorf("%s: %d bytes cost %d fuel", name, len(text), g.Fuel)
			}
		}
		s.End()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, want)
		}
	}
	x := strings.Repeat("x", wasi.MaxLine)
	f("one line", []string{"1 a"}, "1a\n")
	f("an unfinished line comes at the end", []string{"1 a"}, "1a")
	f("in pieces", []string{"2 abc"}, "2a", "2b", "2c\n")
	f("two streams", []string{"2 b", "1 a"}, "1a", "2b\n")
	f("several, empty ones too", []string{"1 a", "1 ", "1 b"}, "1a\n\nb\n")
	f("longest", []string{"1 4096 bytes"}, "1"+x+"\n")
	f("longer than the longest", []string{"1 4096 bytes", "1 y"}, "1"+x+"y\n")
	f("much longer", []string{"1 4096 bytes", "1 4096 bytes", "1 4096 bytes"}, "1"+x+x+x)
	f("longer, in pieces", []string{"1 4096 bytes", "1 y"}, "1x", "1"+x[1:], "1y\n")
}

func TestClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &wasi.State{}
		g := newGuest(s)
		read := func(clock uint64) int64 {
			t.Helper()
			if e := call(t, g, "clock_time_get", clock, 0, 8); e != 0 {
				t.Fatalf("errno %d", e)
			}
			return int64(binary.LittleEndian.Uint64(g.Bytes[8:]))
		}
		s.Begin(time.Unix(1000, 5))
		if got := read(0); got != 1000_000_000_005 {
			t.Errorf("wall clock at the beginning: %d", got)
		}
		m := read(1)
		time.Sleep(3 * time.Second)
		if got := read(0); got != 1003_000_000_005 {
			t.Errorf("wall clock after 3 s: %d", got)
		}
		if got := read(1) - m; got != 3e9 || m == 0 {
			t.Errorf("monotonic clock went on by %d from %d", got, m)
		}
		s.Begin(time.Unix(500, 0)) // the next exchange, and somebody set the clock back
		if got := read(0); got != 500e9 {
			t.Errorf("wall clock of the next exchange: %d", got)
		}
		if got := read(1) - m; got != 3e9 {
			t.Errorf("the monotonic clock was set: %d", got)
		}
	})
}

func subscribe(b []byte, user uint64, tag byte, id uint32, timeout uint64, flags uint16) {
	clear(b[:48])
	binary.LittleEndian.PutUint64(b, user)
	b[8] = tag
	binary.LittleEndian.PutUint32(b[16:], id)
	binary.LittleEndian.PutUint64(b[24:], timeout)
	binary.LittleEndian.PutUint16(b[40:], flags)
}

func TestPoll(t *testing.T) {
	type sub struct {
		tag     byte
		id      uint32
		timeout time.Duration
		flags   uint16
	}
	f := func(name string, deadline, wantSlept time.Duration, wantErrno uint64, wantEvents string, subs ...sub) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			s := &wasi.State{}
			s.Begin(time.Unix(0, 0))
			g := hostcalltest.New(512, bound{s})
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			g.Ctx = ctx
			for i, sub := range subs {
				subscribe(g.Bytes[i*48:], uint64(100+i), sub.tag, sub.id, uint64(sub.timeout), sub.flags)
			}
			begin := time.Now()
			e := call(t, g, "poll_oneoff", 0, 256, uint64(len(subs)), 508)
			if slept := time.Since(begin); slept != wantSlept || e != wantErrno {
				t.Errorf("%s: slept %s, errno %d; want %s, %d", name, slept, e, wantSlept, wantErrno)
			}
			got := ""
			if e == 0 {
				for i := range binary.LittleEndian.Uint32(g.Bytes[508:]) {
					b := g.Bytes[256+32*i:]
					got += fmt.Sprintf("%d:%d/%d ", b[10], binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint16(b[8:]))
				}
			}
			if strings.TrimSpace(got) != wantEvents {
				t.Errorf("%s: events %q, want %q", name, got, wantEvents)
			}
		})
	}
	const clock, read, write = 0, 1, 2
	f("a sleep", time.Minute, time.Second, 0, "0:100/0", sub{clock, 1, time.Second, 0})
	f("the shorter of two", time.Minute, time.Second, 0, "0:101/0", sub{clock, 1, 2 * time.Second, 0}, sub{clock, 0, time.Second, 0})
	f("two at once", time.Minute, time.Second, 0, "0:100/0 0:101/0", sub{clock, 1, time.Second, 0}, sub{clock, 1, time.Second, 0})
	f("until a time", time.Minute, 5*time.Second, 0, "0:100/0", sub{clock, 0, 5 * time.Second, 1})
	f("until a time that is past", time.Minute, 0, 0, "0:100/0", sub{clock, 0, 0, 1})
	f("no longer than the deadline", time.Second, time.Second, 27, "", sub{clock, 1, time.Hour, 0})
	f("for ever is no longer either", time.Second, time.Second, 27, "", sub{clock, 1, -1, 0})
	f("a stream is ready at once", time.Minute, 0, 0, "2:101/0", sub{clock, 1, time.Second, 0}, sub{write, 1, 0, 0})
	f("stdin is at its end", time.Minute, 0, 0, "1:100/0", sub{read, 0, 0, 0})
	f("no such stream", time.Minute, 0, 0, "1:100/8", sub{read, 3, 0, 0})
	f("no such clock", time.Minute, 0, 0, "0:100/28", sub{clock, 3, 1, 0})
	f("no such kind", time.Minute, 0, 0, "9:100/28", sub{9, 0, 0, 0})
}

// The older layout has one field more, and is otherwise the same.
func TestPollUnstable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(&wasi.State{})
		clear(g.Bytes[:56])
		binary.LittleEndian.PutUint32(g.Bytes[24:], 1)
		binary.LittleEndian.PutUint64(g.Bytes[32:], uint64(time.Second))
		begin := time.Now()
		all := wasi.Funcs()
		r, err := g.Call(hostcalltest.Find(all[len(all)/2:], "poll_oneoff"), 0, 64, 1, 128)
		if err != nil || r[0] != 0 || time.Since(begin) != time.Second {
			t.Errorf("result %v, error %v, slept %s", r, err, time.Since(begin))
		}
	})
}

func TestProcExit(t *testing.T) {
	for _, code := range []uint64{0, 3} {
		_, err := hostcalltest.New(0, nil).Call(hostcalltest.Find(preview1, "proc_exit"), code)
		var exit *wasi.Exit
		if !errors.As(err, &exit) || uint64(exit.Code) != code {
			t.Errorf("proc_exit(%d) ended with %v", code, err)
		}
	}
}

func TestWithoutEnv(t *testing.T) {
	for _, state := range []any{nil, 5, bound{nil}} {
		g := hostcalltest.New(16, state)
		if e := call(t, g, "random_get", 0, 8); e != 52 {
			t.Errorf("state %v: errno %d, want ENOSYS", state, e)
		}
	}
}

func TestRandomIsRandom(t *testing.T) {
	g := newGuest(&wasi.State{})
	call(t, g, "random_get", 0, 16)
	call(t, g, "random_get", 16, 16)
	if bytes.Equal(g.Bytes[:16], g.Bytes[16:32]) {
		t.Error("the same 16 bytes twice")
	}
	g.Budget = 1 << 20
	g.Bytes = make([]byte, 8<<20)
	if _, err := g.Call(hostcalltest.Find(preview1, "random_get"), 0, 8<<20); !errors.Is(err, hostcalltest.ErrBudget) {
		t.Errorf("8 MiB of randomness for 1 MiB of fuel: %v", err)
	}
}

// FuzzCalls calls every function with whatever the guest's memory and parameters hold. The oracle: nothing but an errno
// comes back, memory keeps its length, and no line is longer than promised.
func FuzzCalls(f *testing.F) {
	all := wasi.Funcs()
	f.Add(uint8(0), []byte("memory"), uint32(0), uint32(0), uint32(0), uint32(0))
	f.Add(uint8(11), []byte("\x08\x00\x00\x00\x04\x00\x00\x00a\nb\n"), uint32(1), uint32(0), uint32(1), uint32(4))
	f.Fuzz(func(t *testing.T, which uint8, memory []byte, a, b, c, d uint32) {
		fn := &all[int(which)%len(all)]
		s := &wasi.State{Args: []string{"x"}, Line: func(_ uint32, l []byte) {
			if len(l) > wasi.MaxLine {
				t.Fatal("line too long")
			}
		}}
		g := hostcalltest.New(0, bound{s})
		g.Bytes, g.Budget = memory, 1<<24
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		g.Ctx = ctx
		params := make([]uint64, len(fn.Params))
		for i, v := range []uint32{a, b, c, d, a, b, c, d, a} {
			if i < len(params) {
				params[i] = uint64(v)
			}
		}
		n := len(memory)
		r, err := g.Call(fn, params...)
		if err != nil {
			var exit *wasi.Exit
			if !errors.As(err, &exit) && !errors.Is(err, hostcalltest.ErrBudget) {
				t.Fatal(err)
			}
		} else if len(r) == 1 && r[0] > 76 {
			t.Fatalf("%s answered %d", fn.Signature(), r[0])
		}
		s.End()
		if len(g.Bytes) != n {
			t.Fatal("memory changed its length")
		}
	})
}
