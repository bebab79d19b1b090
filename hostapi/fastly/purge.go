package fastly

import (
	"strings"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// purge purges everything of the owner under a surrogate key.
//
//	$purge_options: ret_buf 0 +4, pointer to the length 8
func purge(c *call) status {
	const soft, wantsAnswer = 1, 2
	key, mask := c.text(0), c.u32(1)
	if mask&^(soft|wantsAnswer) != 0 || key == "" || len(key) > 1024 || strings.ContainsAny(key, " \t") || fieldValue(key) != ok {
		return invalid
	}
	cache := c.b.o.Services.Cache
	if cache == nil {
		return unsupported
	}
	var room []byte
	var length uint32
	if mask&wantsAnswer != 0 {
		record, inside := c.memory.View(c.u32(2), 12)
		if !inside {
			return invalid
		}
		m := hostcall.MemoryOf(record)
		ptr, _ := m.ReadUint32(0)
		n, _ := m.ReadUint32(4)
		length, _ = m.ReadUint32(8)
		if room, inside = c.memory.View(ptr, n); !inside {
			return invalid
		}
	}
	if _, err := cache.PurgeTag(c.host.Context(), c.b.o.Owner, strings.Clone(key), mask&soft != 0); err != nil {
		return statusOf(err)
	}
	if mask&wantsAnswer == 0 {
		return ok
	}
	answer := `{"status":"ok","id":"` + c.caller.Exchange.String() + `"}`
	if !c.memory.WriteUint32(length, uint32(len(answer))) {
		return invalid
	}
	if len(answer) > len(room) {
		return bufferLength
	}
	copy(room, answer)
	return ok
}
