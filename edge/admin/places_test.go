package admin

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// One owner has half of the places, however much he asks for; nobody has more than there are.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces("tests", 4)
		var leaves []func()
		f := func(owner, want string) {
			t.Helper()
			begin := time.Now()
			leave, err := p.enter(owner)
			switch took := time.Since(begin); {
			case want == "" && (err != nil || took != 0):
				t.Errorf("%s: %v after %s", owner, err, took)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want) || took != uploadWait):
				t.Errorf("%s: %v after %s, want %s", owner, err, took, want)
			}
			if err == nil {
				leaves = append(leaves, leave)
			}
		}
		f("a", "")
		f("a", "")
		f("a", "2 tests of this owner are under way")
		f("b", "")
		f("c", "")
		f("b", "4 tests are under way")
		leaves[0]()
		leaves = leaves[1:]
		f("a", "")
		for _, leave := range leaves {
			leave()
		}
		if len(p.owners) != 0 || len(p.all) != 0 {
			t.Errorf("%d owners and %d places are left", len(p.owners), len(p.all))
		}
	})
}

func TestHammerPlaces(t *testing.T) {
	p := newPlaces("tests", 4)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 500 {
				leave, err := p.enter(string(rune('a' + i%3)))
				if err != nil {
					t.Error(err)
					return
				}
				if n := len(p.all); n > cap(p.all) {
					t.Errorf("%d at once", n)
				}
				leave()
			}
		})
	}
	all.Wait()
	if len(p.owners) != 0 || len(p.all) != 0 {
		t.Errorf("%d owners and %d places are left", len(p.owners), len(p.all))
	}
}
