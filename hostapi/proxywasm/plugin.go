package proxywasm

import (
	"time"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// maxLine bounds a line of the log; longer ones are cut.
const maxLine = 16 << 10

// levels maps proxy_log_level_t: trace, debug, info, warn, error, critical.
var levels = [...]services.Level{services.Debug, services.Debug, services.Info, services.Warn, services.Error, services.Error}

func proxyLog(s *session, a []uint64) status {
	level := uint32(a[0])
	b, valid := s.view(a, 1)
	switch {
	case level >= uint32(len(levels)):
		return badArgument
	case !valid:
		return invalidMemory
	}
	s.log(levels[level], b[:min(len(b), maxLine)], 0)
	return ok
}

func getLogLevel(s *session, a []uint64) status { return s.put(a, 0, 0) }

// getTime is the time of the exchange, or, outside of one, the clock's.
func getTime(s *session, a []uint64) status {
	now := time.Now()
	if x := s.stage.X; x != nil {
		now = x.Now
	}
	if !s.call.Memory().WriteUint64(uint32(a[0]), uint64(now.UnixNano())) {
		return invalidMemory
	}
	return ok
}

// leastPeriod bounds how often ticks come.
const leastPeriod = 10 * time.Millisecond

func setTick(s *session, a []uint64) status {
	s.period = time.Duration(uint32(a[0])) * time.Millisecond
	if s.period > 0 {
		s.period = max(s.period, leastPeriod)
	}
	return ok
}

// getConfiguration is 0.1.0's: that of the virtual machine, or of the plugin once that is configured.
func getConfiguration(s *session, a []uint64) status {
	if s.b.config == "" && s.starting {
		return s.give(a, 0, s.b.vm)
	}
	return s.give(a, 0, s.b.config)
}

// dictionaryGet writes a setting.
func dictionaryGet(s *session, a []uint64) status {
	key, valid := s.text(a, 0)
	if !valid {
		return invalidMemory
	}
	v, known := s.b.o.Config[key]
	if !known {
		return notFound
	}
	return s.give(a, 2, v)
}

func secretGet(s *session, a []uint64) status { return s.secret(a, 2) }

// secretGetAt is secretGet for a moment in time.
func secretGetAt(s *session, a []uint64) status { return s.secret(a, 3) }

func (s *session) secret(a []uint64, out int) status {
	key, valid := s.text(a, 0)
	if !valid {
		return invalidMemory
	}
	v, known := s.b.o.Secrets[key]
	if !known {
		return notFound
	}
	return s.give(a, out, alias(v))
}
