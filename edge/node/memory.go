package node

import (
	"runtime/debug"
	"time"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// connectionBytes is what a connection takes, about: two stacks, its buffers,
// and what the runtime needs for its socket.
const connectionBytes = 32 << 10

// openRoom divides the node's memory: the cache has its own part, an eighth of
// the rest is for everything that nobody counts, and what is left is shared by
// the instances of functions and by connections.
func (n *Node) openRoom(c *config.Config) {
	n.room = sandbox.NewRoom(int64(c.Memory-c.Cache.Memory) / 8 * 7)
	debug.SetMemoryLimit(int64(c.Memory))
	m := n.observer.Metrics
	m.Gauge("room_bytes", "Memory that instances of functions and connections may take in all.", func() float64 { return float64(n.room.Most()) })
	m.Gauge("room_used_bytes", "Memory that instances of functions and connections take.", func() float64 { return float64(n.room.Used()) })
	m.Gauge("room_refused_total", "How often an instance, its growth or a connection found no memory.", func() float64 { return float64(n.room.Refused()) })
}

// balance keeps the collector's limit at what guests leave of the node's memory:
// it does not see theirs. To set it stops the world for a moment, so small
// changes are let be.
func (n *Node) balance() {
	n.mu.Lock()
	all := int64(n.config.Memory)
	n.mu.Unlock()
	t := time.NewTicker(time.Second)
	defer t.Stop()
	set := int64(0)
	for {
		select {
		case <-t.C:
			if used := n.room.Used(); used > set+all/16 || used < set-all/16 {
				set = used
				debug.SetMemoryLimit(all - used)
			}
		case <-n.closed:
			return
		}
	}
}
