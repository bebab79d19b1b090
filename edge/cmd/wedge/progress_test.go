package main

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// readFunc is a reader made of its one method.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }

func TestProgress(t *testing.T) {
	f := func(terminal bool, total int64, step time.Duration, then, want string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			var stderr strings.Builder
			c := &command{stderr: &stderr, shows: terminal}
			left := 4
			slow := readFunc(func([]byte) (int, error) {
				if left == 0 {
					return 0, io.EOF
				}
				time.Sleep(step)
				left--
				return 1, nil
			})
			r, done := c.watch(slow, total, "auth.wasm", then)
			if n, err := io.Copy(io.Discard, r); n != 4 || err != nil {
				t.Errorf("read %d bytes, %v", n, err)
			}
			done()
			if got := strings.ReplaceAll(stderr.String(), eraseLine, "|"); got != want {
				t.Errorf("terminal %v, steps of %v: %q, want %q", terminal, step, got, want)
			}
		})
	}
	f(false, 4, time.Second, "the node compiles", "")
	f(true, 4, time.Millisecond, "", "")
	f(true, 4, time.Millisecond, "the node compiles", "|auth.wasm: the node compiles|")
	f(true, 4, 150*time.Millisecond, "", "|auth.wasm: 3 B of 4 B, 75 %|")
	f(true, -1, 250*time.Millisecond, "", "|auth.wasm: 2 B|auth.wasm: 3 B|auth.wasm: 4 B|")
}

func TestBytesText(t *testing.T) {
	f := func(n int64, want string) {
		t.Helper()
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%d) = %q, want %q", n, got, want)
		}
	}
	f(0, "0 B")
	f(1023, "1023 B")
	f(1024, "1 KiB")
	f(1536, "1.5 KiB")
	f(1<<20-1, "1 MiB")
	f(256<<20, "256 MiB")
	f(1<<40, "1 TiB")
	f(1<<50, "1024 TiB")
}

func TestClean(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		if got := clean(s); got != want {
			t.Errorf("clean(%q) = %q, want %q", s, got, want)
		}
	}
	f("", "")
	f(`plain "quoted" Grün`, `plain "quoted" Grün`)
	f("a\x1b[2Jb", `a\x1b[2Jb`)
	f("a\tb\nc", `a\tb\nc`)
	f("\"a\"\x00", `"a"\x00`)
	f("\xff", `\xff`)
	f("right\u202eleft", `right\u202eleft`)
}

func TestCounted(t *testing.T) {
	f := func(n int, noun, want string) {
		t.Helper()
		if got := counted(n, noun); got != want {
			t.Errorf("counted(%d, %q) = %q, want %q", n, noun, got, want)
		}
	}
	f(0, "site", "0 sites")
	f(1, "key", "1 key")
	f(2, "key", "2 keys")
}
