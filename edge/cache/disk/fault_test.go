package disk

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/disk/faultfs"
)

// run stores and looks for responses at random, and is how many were found
// right. A wrong byte is told to wrong.
func run(d *Tier, seed uint64, steps int, versions map[int]int, wrong func(error)) (right int) {
	r := rand.New(rand.NewPCG(seed, 3))
	for range steps {
		n := r.IntN(60)
		switch r.IntN(10) {
		case 0, 1, 2:
			versions[n]++
			size := r.IntN(3000)
			if r.IntN(8) == 0 {
				size = r.IntN(150_000)
			}
			if !store(d, n, versions[n], size) {
				d.Forget(key(n), Key{}) // what the door does: the older one must not come back
			}
		case 3:
			d.Forget(key(n), Key{})
			versions[n]++
		case 4:
			d.tend1()
		default:
			v, err := look(d, n)
			if err != nil {
				wrong(err)
			}
			if v != 0 {
				right++
			}
		}
	}
	return right
}

// Whatever the disk does, what is found is what was stored; the test's own
// power is shown by the run without checksums, which must fail.
func TestFaults(t *testing.T) {
	kinds := map[string]faultfs.Faults{
		"healthy":  {},
		"reads":    {ReadError: 0.05},
		"flips":    {BitFlip: 0.05},
		"writes":   {WriteError: 0.05},
		"torn":     {TornWrite: 0.05},
		"full":     {Full: true, Room: 700 << 10},
		"anything": {ReadError: 0.01, BitFlip: 0.02, WriteError: 0.01, TornWrite: 0.02, SyncError: 0.1},
	}
	f := func(name string, seed uint64, checks bool) (wrong int) {
		t.Helper()
		fsys := faultfs.New(seed)
		versions := map[int]int{}
		right := 0
		for round := range 4 {
			d, err := Open(Options{FS: fsys, Size: 2 << 20, Segment: 256 << 10})
			if err != nil {
				t.Fatal(err)
			}
			d.checks = checks
			fsys.Set(kinds[name])
			right += run(d, seed+uint64(round), 300, versions, func(err error) {
				if wrong++; checks {
					t.Errorf("%s, seed %d: %v", name, seed, err)
				}
			})
			d.rest.Store(0)
			if round%2 == 0 {
				d.Close()
			} else {
				close(d.over) // killed
				d.tending.Wait()
			}
			fsys.Set(faultfs.Faults{})
		}
		if name == "healthy" && right < 200 || right == 0 {
			t.Errorf("%s: only %d were found", name, right)
		}
		if c := fsys.Counts(); name != "healthy" && c == (faultfs.Counts{}) {
			t.Errorf("%s: nothing went wrong", name)
		}
		return wrong
	}
	for name := range kinds {
		for seed := range uint64(2) {
			f(name, seed, true)
		}
	}
	for _, name := range []string{"flips", "torn"} {
		if f(name, 1, false) == 0 {
			t.Errorf("%s: without checksums no wrong byte was found: this test sees nothing", name)
		}
	}
}

// A power cut takes any of what was written last, in any order.
func TestPowerCut(t *testing.T) {
	f := func(seed uint64, checks bool) (wrong int) {
		fsys := faultfs.New(seed)
		versions := map[int]int{}
		for round := range 5 {
			d, err := Open(Options{FS: fsys, Size: 2 << 20, Segment: 256 << 10})
			if err != nil {
				t.Fatal(err)
			}
			d.checks = checks
			for n := range 60 {
				if _, err := look(d, n); err != nil {
					if wrong++; checks {
						t.Errorf("seed %d, after %d power cuts: %v", seed, round, err)
					}
				}
			}
			run(d, seed+uint64(round), 100, versions, func(err error) {
				if wrong++; checks {
					t.Errorf("seed %d, after %d power cuts: %v", seed, round, err)
				}
			})
			close(d.over)
			d.tending.Wait()
			fsys.Crash()
		}
		return wrong
	}
	for seed := range uint64(4) {
		f(seed, true)
	}
	wrong := 0
	for seed := range uint64(10) {
		wrong += f(seed, false)
	}
	if wrong == 0 {
		t.Error("without checksums no wrong byte was found: this test sees nothing")
	}
}

// After a failed write nothing new is taken for a while.
func TestRest(t *testing.T) {
	fsys := memory(t)
	d := open(t, fsys, 2<<20)
	defer d.Close()
	store(d, 1, 1, 100)
	fsys.Set(faultfs.Faults{Full: true})
	if store(d, 2, 1, 200_000) || !d.Resting() || d.Admit(key(3)) || d.Stats().Faults == 0 {
		t.Errorf("a full disk took something: %+v", d.Stats())
	}
	if find(t, d, 1) != 1 {
		t.Error("what was there cannot be read")
	}
	d.epoch = d.epoch.Add(-restTime)
	fsys.Set(faultfs.Faults{})
	if d.Resting() || !store(d, 2, 1, 200_000) {
		t.Error("it rests for ever")
	}
}

// Readers, writers, the tender and the counters at the same time.
func TestHammerTier(t *testing.T) {
	fsys := faultfs.New(5)
	fsys.Set(faultfs.Faults{BitFlip: 0.001, WriteError: 0.001})
	d := open(t, fsys, 2<<20)
	var wg sync.WaitGroup
	var found atomic.Int64
	end := time.Now().Add(100 * time.Millisecond)
	for g := range 4 {
		wg.Go(func() {
			versions := map[int]int{}
			for i := uint64(0); i < 50 || time.Now().Before(end); i++ { // however busy the machine is
				// Each writes keys of its own, and looks for all.
				r := rand.New(rand.NewPCG(i, uint64(g)))
				n := g + 4*r.IntN(20)
				versions[n]++
				if !store(d, n, versions[n], r.IntN(100_000)) {
					d.Forget(key(n), Key{})
				}
				v, err := look(d, r.IntN(80))
				if err != nil {
					t.Error(err)
				}
				if v != 0 {
					found.Add(1)
				}
				d.Stats()
				d.Admit(key(n))
			}
		})
	}
	wg.Wait()
	d.Close()
	if found.Load() == 0 {
		t.Error("nothing was ever found")
	}
	if len(d.segments) != 0 || len(d.doomed) != 0 {
		t.Errorf("%d segments and %d doomed ones are left", len(d.segments), len(d.doomed))
	}
}
