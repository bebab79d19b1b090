package wasm

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestIntegers(t *testing.T) {
	f := func(bits int, want int64, b ...byte) {
		t.Helper()
		r := NewReader(b, 0)
		var got int64
		switch bits {
		case 132:
			got = int64(r.U32("n"))
		case 32:
			got = int64(r.S32("n"))
		case 33:
			got = r.S33("n")
		case 64:
			got = r.S64("n")
		}
		if r.Err() != nil || got != want || r.Left() != 0 {
			t.Errorf("%d bits of %x = %d, %v, %d left, want %d", bits, b, got, r.Err(), r.Left(), want)
		}
	}
	f(132, 0, 0)
	f(132, 127, 0x7f)
	f(132, 128, 0x80, 1)
	f(132, 0, 0x80, 0x80, 0x80, 0x80, 0)
	f(132, math.MaxUint32, 0xff, 0xff, 0xff, 0xff, 0x0f)
	f(32, -1, 0x7f)
	f(32, 63, 0x3f)
	f(32, 64, 0xc0, 0)
	f(32, math.MinInt32, 0x80, 0x80, 0x80, 0x80, 0x78)
	f(32, math.MaxInt32, 0xff, 0xff, 0xff, 0xff, 0x07)
	f(32, -1, 0xff, 0xff, 0xff, 0xff, 0x7f)
	f(33, -64, 0x40)
	f(33, math.MaxUint32, 0xff, 0xff, 0xff, 0xff, 0x0f)
	f(33, -(1 << 32), 0x80, 0x80, 0x80, 0x80, 0x70)
	f(64, math.MinInt64, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f)
	f(64, math.MaxInt64, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0)
	f(64, -2, 0x7e)
}

func TestBadIntegers(t *testing.T) {
	f := func(bits int, problem string, b ...byte) {
		t.Helper()
		r := NewReader(append([]byte{0}, b...), 100)
		r.Byte("before")
		switch bits {
		case 132:
			r.U32("n")
		case 32:
			r.S32("n")
		case 33:
			r.S33("n")
		case 64:
			r.S64("n")
		}
		var e *Error
		if !errors.As(r.Err(), &e) || !strings.Contains(e.Problem, problem) || r.Left() != 0 {
			t.Errorf("%d bits of %x: %v, want %q", bits, b, r.Err(), problem)
		}
	}
	f(132, "found the end")
	f(132, "found the end", 0x80)
	f(132, "more than 32 bits", 0x80, 0x80, 0x80, 0x80, 0x10)
	f(132, "more than 32 bits", 0x80, 0x80, 0x80, 0x80, 0x80, 0)
	f(32, "more than 32 bits", 0x80, 0x80, 0x80, 0x80, 0x08)
	f(32, "more than 32 bits", 0x80, 0x80, 0x80, 0x80, 0x70)
	f(32, "more than 32 bits", 0xff, 0xff, 0xff, 0xff, 0xff)
	f(33, "more than 33 bits", 0xff, 0xff, 0xff, 0xff, 0x1f)
	f(64, "more than 64 bits", 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1)
}

func TestAppendIntegers(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 1 << 31, -1 << 31, math.MaxInt64, math.MinInt64} {
		if got := NewReader(AppendS64(nil, v), 0).S64("n"); got != v {
			t.Errorf("%d becomes %d", v, got)
		}
	}
	for _, v := range []uint32{0, 127, 128, math.MaxUint32} {
		if got := NewReader(AppendU32(nil, v), 0).U32("n"); got != v {
			t.Errorf("%d becomes %d", v, got)
		}
	}
}

// A count is believed only if its items can be there.
func TestCount(t *testing.T) {
	f := func(size, want int, ok bool, b ...byte) {
		t.Helper()
		r := NewReader(b, 0)
		if got := r.Count(size, "things"); got != want || (r.Err() == nil) != ok {
			t.Errorf("%x = %d, %v", b, got, r.Err())
		}
	}
	f(1, 2, true, 2, 0, 0)
	f(1, 0, false, 3, 0, 0)
	f(2, 1, true, 1, 0, 0)
	f(2, 0, false, 2, 0, 0)
	f(4, 0, false, 0xff, 0xff, 0xff, 0xff, 0x0f)
}

func TestErrorsStick(t *testing.T) {
	r := NewReader([]byte{1, 2, 3}, 10)
	r.Bytes(4, "stuff")
	first := r.Err()
	if r.Byte("x") != 0 || r.U32("x") != 0 || r.Bytes(1, "x") != nil || r.Name("x") != "" || r.Left() != 0 || r.Err() != first {
		t.Errorf("reading went on after %v", first)
	}
	if want := "wasm: offset 0xa: expected 4 bytes of stuff, found 3"; first.Error() != want {
		t.Errorf("%v, want %s", first, want)
	}
}
