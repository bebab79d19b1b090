package engine

import "sync"

// checks are the files that are being checked, by name. Who loads the same at the same time shares a check.
//
// mu guards byName and the users of checks. INVARIANT: a check in byName has users; it stays until the last of them has loaded,
// or the file is replaced.
type checks struct {
	mu     sync.Mutex
	byName map[string]*check
}

// check is whether a file is whole, once done is closed.
type check struct {
	users int
	done  chan struct{}
	whole bool
}

// wait returns whether the file is whole.
func (c *check) wait() bool {
	<-c.done
	return c.whole
}

// start begins to check the file of that name, unless that is under way. Each is followed by an end.
func (c *checks) start(name string, whole func() bool) *check {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.byName[name]
	if k == nil {
		k = &check{done: make(chan struct{})}
		if c.byName == nil {
			c.byName = map[string]*check{}
		}
		c.byName[name] = k
		go func() {
			defer close(k.done)
			k.whole = whole()
		}()
	}
	k.users++
	return k
}

// end gives a check up.
func (c *checks) end(name string, k *check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.users--; k.users == 0 && c.byName[name] == k {
		delete(c.byName, name)
	}
}

// replaced forgets what was found of a file in whose place there is a new one, which is whole. Who still waits for the check
// has the old answer.
func (c *checks) replaced(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byName, name)
}

// of returns the check of a file, or nil if there is none.
func (c *checks) of(name string) *check {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byName[name]
}
