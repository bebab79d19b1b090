package engine

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// Who loads the same at the same time shares a check, and who comes later has one of its own.
func TestChecks(t *testing.T) {
	var c checks
	n, result := 0, make(chan bool)
	whole := func() bool { n++; return <-result }
	one, two := c.start("f", whole), c.start("f", whole)
	if c.of("f") != one || c.of("g") != nil {
		t.Error("a check is not found under its name, or one is that there is not")
	}
	result <- false
	if one.wait() || two.wait() || n != 1 {
		t.Errorf("%d checks found %t and %t, want one that found false", n, one.wait(), two.wait())
	}
	c.end("f", one)
	if c.of("f") != two {
		t.Error("a check is forgotten while it has a user")
	}
	c.replaced("f")
	three := c.start("f", whole)
	c.end("f", two) // which is not the check of that name any more
	if c.of("f") != three {
		t.Error("the check of a file that was replaced is forgotten with that of the old one")
	}
	result <- true
	if !three.wait() || n != 2 {
		t.Errorf("%d checks, the second found %t", n, three.wait())
	}
	c.end("f", three)
	if len(c.byName) != 0 {
		t.Errorf("%d checks are left", len(c.byName))
	}
}

func TestHammerChecks(t *testing.T) {
	var c checks
	var wg sync.WaitGroup
	end := time.Now().Add(100 * time.Millisecond)
	for w := range 4 {
		wg.Go(func() {
			for n := w; time.Now().Before(end); n++ {
				name := fmt.Sprint(n % 3)
				k := c.start(name, func() bool { return true })
				if found := c.of(name); found != nil && !found.wait() || !k.wait() {
					t.Error("a check found what it was not told")
				}
				if n%7 == 0 {
					c.replaced(name)
				}
				c.end(name, k)
			}
		})
	}
	wg.Wait()
	if len(c.byName) != 0 {
		t.Errorf("%d checks are left", len(c.byName))
	}
}
