package node

import (
	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/encode"
	"github.com/wedgecdn/wedge/edge/observe"
)

// measureCache puts what the cache holds, and may hold, into the metrics.
func measureCache(m *observe.Metrics, stats func() cache.Stats, onDisk bool) {
	f := func(name, help string, of func(*cache.Stats) int64) {
		m.Gauge("cache_"+name, help, func() float64 { s := stats(); return float64(of(&s)) })
	}
	f("objects", "Stored responses in memory, and those on disk whose heads are.", func(s *cache.Stats) int64 { return int64(s.Store.Objects) })
	f("index_bytes", "Memory of the heads of stored responses.", func(s *cache.Stats) int64 { return s.Store.IndexBytes })
	f("index_limit_bytes", "Memory that the heads of stored responses may take.", func(s *cache.Stats) int64 { return s.Store.IndexLimit })
	f("body_bytes", "Memory of stored bodies.", func(s *cache.Stats) int64 { return s.Store.BodyBytes })
	f("body_limit_bytes", "Memory that stored bodies may take.", func(s *cache.Stats) int64 { return s.Store.BodyLimit })
	f("writing_bytes", "Memory of bodies that are arriving.", func(s *cache.Stats) int64 { return s.Store.Writing })
	f("hot_bytes", "Memory of the second copies from which the most popular bodies are sent.", func(s *cache.Stats) int64 { return s.Store.Hot })
	f("hot_limit_bytes", "Memory that these copies may take.", func(s *cache.Stats) int64 { return s.Store.HotLimit })
	f("moved_bytes_total", "Bytes of bodies that were written anew to stay in memory.", func(s *cache.Stats) int64 { return s.Store.Moved })
	f("fills", "Fetches under way that requests may join.", func(s *cache.Stats) int64 { return int64(s.Fills) })
	f("reserved_bytes", "Memory that their bodies may take.", func(s *cache.Stats) int64 { return s.Reserved })
	if !onDisk {
		return
	}
	f("disk_objects", "Responses stored on disk.", func(s *cache.Stats) int64 { return int64(s.Disk.Objects) })
	f("disk_bytes", "Disk space of stored responses.", func(s *cache.Stats) int64 { return s.Disk.Bytes })
	f("disk_limit_bytes", "Disk space that stored responses may take.", func(s *cache.Stats) int64 { return s.Disk.Limit })
	f("disk_index_bytes", "Memory of the index of the cache on disk.", func(s *cache.Stats) int64 { return s.Disk.IndexBytes })
	f("disk_index_limit_bytes", "Memory that the index of the cache on disk may take.", func(s *cache.Stats) int64 { return s.Disk.IndexLimit })
	f("disk_written_bytes_total", "Bytes written to the cache on disk.", func(s *cache.Stats) int64 { return s.Disk.Written })
	f("disk_readmitted_total", "Responses that were written anew when their file made room.", func(s *cache.Stats) int64 { return s.Disk.Readmitted })
}

// encoded tells the metrics what was compressed.
func encoded(m *observe.Metrics) func(encode.Made) {
	return func(made encode.Made) {
		m.Encoded(made.Coding.String(), made.Use.String(), made.In, made.Out, made.CPU)
	}
}
