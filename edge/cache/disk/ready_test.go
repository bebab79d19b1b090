package disk

import (
	"os"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
)

// A start does not read the bodies: with the lists, and without them after a
// kill of which everything is to be scanned, all responses are found. The long
// form has 100 000, and holds the time.
func TestReady(t *testing.T) {
	n, limit := 2000, time.Minute
	if os.Getenv("WEDGE_PROOF") == "1" {
		n, limit = 100_000, 2*time.Second
	}
	fsys := vfs.Dir(t.TempDir())
	opened := func(how string) *Tier {
		t.Helper()
		began, told := time.Now(), 0
		d, err := Open(Options{FS: fsys, Size: 4 << 30, Events: Events{Loading: func(files, all int) {
			if told++; files != told || all < told {
				t.Errorf("told of %d of %d files", files, all)
			}
		}}})
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		t.Logf("%s: ready within %v, %d responses in %d files", how, took, d.Stats().Objects, told)
		if took > limit {
			t.Errorf("%s: ready within %v, at most %v are allowed", how, took, limit)
		}
		return d
	}
	d := opened("empty")
	for i := range n {
		if !store(d, i, 1, 2000+i%4000) {
			t.Fatalf("%d was not taken", i)
		}
	}
	d.Close()
	for _, how := range []string{"with lists", "without lists"} {
		if how == "without lists" {
			names, _ := fsys.List()
			for _, name := range names {
				if _, ok := segmentNumber(name, ".idx"); ok {
					fsys.Remove(name)
				}
			}
		}
		d := opened(how)
		if got := d.Stats().Objects; got != n {
			t.Errorf("%s: %d of %d are there", how, got, n)
		}
		for i := 0; i < n; i += n / 100 {
			if find(t, d, i) != 1 {
				t.Errorf("%s: %d is not there", how, i)
			}
		}
		d.Close()
	}
}
