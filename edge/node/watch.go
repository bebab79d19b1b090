package node

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"time"

	"github.com/wedgecdn/wedge/edge/function"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
)

// A watchKey names a version of a function.
type watchKey struct{ owner, name, version string }

// A tallied version is a canary whose calls are counted.
type tallied struct {
	*function.Watch
	canary function.Canary
}

// watch has the calls of all canaries counted, and forgets what was counted of
// shadows that have ended. What has been counted of what goes on stays.
//
// Preconditions: the node's mu is held, or nobody else has it.
func (v *live) watch() {
	old := v.watches.Load()
	var watches map[watchKey]*tallied
	followed := map[watchKey]bool{}
	for _, f := range v.store.List("") {
		if f.Shadow != nil {
			followed[watchKey{f.Owner, f.Name, f.Shadow.Version}] = true
		}
		if f.Canary == nil || f.Disabled {
			continue
		}
		if watches == nil {
			watches = map[watchKey]*tallied{}
		}
		key := watchKey{f.Owner, f.Name, f.Canary.Version}
		if old != nil {
			if w := (*old)[key]; w != nil && reflect.DeepEqual(w.canary, *f.Canary) {
				watches[key] = w
				continue
			}
		}
		watches[key] = &tallied{function.NewWatch(f.Canary.Budget, time.Now()), *f.Canary}
	}
	v.mu.Lock()
	maps.DeleteFunc(v.tallies, func(key watchKey, _ *shadowTally) bool { return !followed[key] })
	v.mu.Unlock()
	if watches == nil {
		v.watches.Store(nil)
		return
	}
	v.watches.Store(&watches)
}

// watchOf is the watch of a version; nil if it is not counted.
func (v *live) watchOf(owner, name, version string) *tallied {
	m := v.watches.Load()
	if m == nil {
		return nil // Fast path: nothing is tried out
	}
	return (*m)[watchKey{owner, name, version}]
}

// called counts a call of a canary.
func (v *live) called(f *guest.Function, c *exchange.Call) {
	if w := v.watchOf(string(f.Owner()), f.Name(), f.Version()); w != nil {
		v.count(w, function.Call{Failed: c.Failed != exchange.ReasonNone, CPU: c.CPU, Wall: c.Wall})
	}
}

// missed counts a call that a canary could not even begin.
func (v *live) missed(l *loaded) {
	if w := v.watchOf(l.owner, l.name, l.hash); w != nil {
		v.count(w, function.Call{Failed: true})
	}
}

func (v *live) count(w *tallied, c function.Call) {
	if w.Add(time.Now(), c) == "" {
		return
	}
	select {
	case v.broken <- struct{}{}:
	default: // whoever hears of the one before looks at all of them
	}
}

// again is when a rollback that could not be done is tried once more.
const again = time.Second

// judge gives up canaries whose budgets are spent, until the node ends.
func (n *Node) judge() {
	var retry <-chan time.Time
	for {
		select {
		case <-n.live.broken:
		case <-retry:
		case <-n.closed:
			return
		}
		retry = nil
		if !n.giveUp() {
			retry = time.After(again)
		}
	}
}

// giveUp rolls every canary back whose budget is spent, and tells whether it could.
func (n *Node) giveUp() (all bool) {
	m := n.live.watches.Load()
	if m == nil {
		return true
	}
	all = true
	for key, w := range maps.All(*m) {
		verdict := w.Standing(time.Now()).Broken
		if verdict == "" {
			continue
		}
		_, err := functionsAPI{n}.endCanary(context.Background(), key.owner, key.name, key.version, function.RolledBack, verdict)
		switch {
		case err == nil:
			n.observer.Metrics.Event("function_rolled_back")
			n.log.Error("a canary is rolled back: its budget is spent", "owner", key.owner, "function", key.name, "version", short(key.version), "why", verdict)
		case !errors.Is(err, function.ErrNoTrial) && !gone(n, key):
			all = false
			n.log.Error("a canary whose budget is spent cannot be rolled back", "owner", key.owner, "function", key.name, "version", short(key.version), "why", verdict, "error", err)
		}
	}
	return all
}

// gone tells whether somebody else has ended a canary meanwhile.
func gone(n *Node, key watchKey) bool {
	f, _ := n.functions.Named(key.owner, key.name)
	return f.Canary == nil || f.Canary.Version != key.version
}
