package journal

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/disk/faultfs"
	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
)

func open(t testing.TB, fsys vfs.FS, o Options) (*Journal, []Entry) {
	t.Helper()
	o.FS = fsys
	j, entries, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return j, entries
}

var some = []Entry{{1, "o", Tag, false, "red"}, {2, "o", URL, true, "https://a.example/"}, {3, "p", Prefix, false, "https://b.example/x"}, {4, "p", All, true, ""}}

// What was appended is there after a restart, with the same secrets and higher numbers.
func TestRestart(t *testing.T) {
	for name, fsys := range map[string]vfs.FS{"folder": vfs.Dir(t.TempDir()), "memory": faultfs.New(1)} {
		j, entries := open(t, fsys, Options{})
		if len(entries) != 0 {
			t.Fatalf("%s: %v in a new journal", name, entries)
		}
		for _, e := range some {
			if err := j.Append(e); err != nil {
				t.Fatal(err)
			}
		}
		first, secret := j.First(), j.Secret("x")
		if secret == j.Secret("y") {
			t.Errorf("%s: two uses have one secret", name)
		}
		j.Close()
		if j.Append(some[0]) != ErrClosed {
			t.Errorf("%s: it takes purges after Close", name)
		}
		for range 2 {
			j, entries = open(t, fsys, Options{})
			if !slices.Equal(entries, some) || j.First() <= first || j.Secret("x") != secret {
				t.Errorf("%s: %v, first %d after %d", name, entries, j.First(), first)
			}
			first = j.First()
			j.Close()
		}
		j, entries = open(t, fsys, Options{Layout: [16]byte{1}})
		if len(entries) != 0 || j.Secret("x") == secret {
			t.Errorf("%s: %v of another layout", name, entries)
		}
		j.Close()
	}
}

// A purge that was answered outlives a power cut at any moment; one that was
// not may.
func TestPowerCut(t *testing.T) {
	for seed := range uint64(50) {
		fsys := faultfs.New(seed)
		answered := map[uint64]bool{}
		asked := map[uint64]bool{}
		var n uint64
		for range 4 {
			fsys.Set(faultfs.Faults{})
			j, entries := open(t, fsys, Options{Entries: 20})
			got := map[uint64]bool{}
			for _, e := range entries {
				got[e.Sequence] = true
				if !asked[e.Sequence] {
					t.Errorf("seed %d: a purge %d that nobody asked for", seed, e.Sequence)
				}
			}
			for s := range answered {
				covered := slices.ContainsFunc(entries, func(e Entry) bool { return e.Kind == All && e.Sequence >= s })
				if !got[s] && !covered {
					t.Errorf("seed %d: purge %d was answered and is lost", seed, s)
				}
			}
			n = max(n, j.First())
			fsys.Set(faultfs.Faults{WriteError: 0.1, SyncError: 0.2})
			for range 30 {
				n++
				asked[n] = true
				if j.Append(Entry{n, "o", Tag, false, fmt.Sprint(n)}) == nil {
					answered[n] = true
				}
			}
			fsys.Crash()
		}
		if len(answered) < 20 || len(answered) == len(asked) {
			t.Errorf("seed %d: %d of %d were answered", seed, len(answered), len(asked))
		}
	}
}

// What later purges cover goes; what is too much becomes purges of everything.
func TestCompact(t *testing.T) {
	f := func(most int, entries, want []Entry) {
		t.Helper()
		if got := compact(entries, most); !slices.Equal(got, want) {
			t.Errorf("%v\n became %v\n    want %v", entries, got, want)
		}
	}
	tag := func(n uint64, owner, text string) Entry { return Entry{n, owner, Tag, false, text} }
	soft := func(e Entry) Entry { e.Soft = true; return e }
	all := func(n uint64, owner string) Entry { return Entry{n, owner, All, false, ""} }
	f(9, []Entry{tag(1, "o", "a"), tag(2, "o", "b"), tag(3, "o", "a")}, []Entry{tag(2, "o", "b"), tag(3, "o", "a")})
	f(9, []Entry{tag(1, "o", "a"), tag(2, "p", "a"), all(3, "o")}, []Entry{tag(2, "p", "a"), all(3, "o")})
	f(9, []Entry{all(1, "o"), tag(2, "o", "a")}, []Entry{all(1, "o"), tag(2, "o", "a")})
	f(9, []Entry{soft(tag(1, "o", "a")), tag(2, "o", "a")}, []Entry{tag(2, "o", "a")})
	f(9, []Entry{tag(1, "o", "a"), soft(tag(2, "o", "a"))}, []Entry{tag(1, "o", "a"), soft(tag(2, "o", "a"))})
	f(9, []Entry{tag(1, "o", "a"), soft(all(2, "o"))}, []Entry{tag(1, "o", "a"), soft(all(2, "o"))})
	f(4, []Entry{tag(1, "o", "a"), tag(2, "p", "b"), tag(3, "o", "c"), tag(4, "o", "d"), tag(5, "p", "e")},
		[]Entry{all(2, "p"), all(3, "o"), tag(4, "o", "d"), tag(5, "p", "e")})
}

// The file does not grow without end.
func TestShrink(t *testing.T) {
	fsys := faultfs.New(1)
	j, _ := open(t, fsys, Options{Entries: 100})
	for n := range uint64(1000) {
		if err := j.Append(Entry{n + 1, "o", URL, false, fmt.Sprint("https://a.example/", n)}); err != nil {
			t.Fatal(err)
		}
	}
	b, _ := vfs.ReadFile(fsys, fileName, 1<<20)
	if len(b) > 201*60+headerSize {
		t.Errorf("%d bytes", len(b))
	}
	j.Close()
	if _, entries := open(t, fsys, Options{Entries: 100}); entries[len(entries)-1].Sequence != 1000 || entries[0].Kind != All {
		t.Errorf("%v", entries)
	}
}

// Many at once share syncs, and each is on disk when it returns.
func TestHammerJournal(t *testing.T) {
	fsys := faultfs.New(1)
	j, _ := open(t, fsys, Options{Entries: 50})
	var mu sync.Mutex
	answered := map[uint64]bool{}
	var wg sync.WaitGroup
	end := time.Now().Add(100 * time.Millisecond)
	for g := range uint64(4) {
		wg.Go(func() {
			for n := uint64(1); time.Now().Before(end); n++ {
				e := Entry{g<<32 + n, fmt.Sprint("o", g), Tag, false, fmt.Sprint(n)}
				if err := j.Append(e); err != nil {
					t.Error(err)
				}
				mu.Lock()
				answered[e.Sequence] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	fsys.Crash()
	_, entries := open(t, fsys, Options{Entries: 50})
	for s := range answered {
		if !slices.ContainsFunc(entries, func(e Entry) bool {
			return e.Sequence == s || e.Kind == All && e.Sequence >= s && e.Owner == fmt.Sprint("o", s>>32)
		}) {
			t.Fatalf("purge %x is lost", s)
		}
	}
}

// What parses as an entry is written back as it was.
func FuzzEntry(f *testing.F) {
	for i := range some {
		f.Add(some[i].append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4 { // the sum hides the rest from the fuzzer
			n := crc(b[4:])
			b = append([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}, b[4:]...)
		}
		e, rest, ok := parseEntry(b)
		if ok && !bytes.Equal(append(e.append(nil), rest...), b) {
			t.Errorf("%x became %+v", b, e)
		}
	})
}
