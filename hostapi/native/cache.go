package native

import (
	"encoding/hex"
	"math"
	"time"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Bounds of what functions decide about one exchange.
const (
	maxKeyParts = 32
	maxIgnored  = 64
	maxTags     = 128
	maxTag      = 256
)

// cacheKeyAdd reads name and value; nothing is written.
func cacheKeyAdd(s *Session, a []uint64) int64 {
	name, value, k := s.text(a, 0), s.text(a, 2), &s.x.Choices.Key
	if name == "" {
		return status(abi.StatusInvalid)
	}
	if len(k.Parts) >= maxKeyParts {
		return status(abi.StatusLimit)
	}
	name, ok := s.keep(name)
	value, ok2 := s.keep(value)
	if !ok || !ok2 {
		return status(abi.StatusLimit)
	}
	s.change()
	k.Parts = append(k.Parts, exchange.Field{Name: name, Value: value})
	return 0
}

// cacheKeySet reads the value; nothing is written.
func cacheKeySet(s *Session, a []uint64) int64 {
	if r := s.setText(&s.x.Choices.Key.Replace, s.text(a, 0)); r != 0 {
		return r
	}
	s.x.Choices.Key.HasReplace = true
	return 0
}

// cacheKeyIgnore reads the name; nothing is written.
func cacheKeyIgnore(s *Session, a []uint64) int64 {
	name, k := s.text(a, 0), &s.x.Choices.Key
	if name == "" {
		return status(abi.StatusInvalid)
	}
	if len(k.IgnoreQuery) >= maxIgnored {
		return status(abi.StatusLimit)
	}
	name, ok := s.keep(name)
	if !ok {
		return status(abi.StatusLimit)
	}
	s.change()
	k.IgnoreQuery = append(k.IgnoreQuery, name)
	return 0
}

// cacheKeyOption touches no memory.
func cacheKeyOption(s *Session, a []uint64) int64 {
	k := &s.x.Choices.Key
	var to *bool
	switch abi.KeyOption(a[0]) {
	case abi.KeyOptionSortQuery:
		to = &k.SortQuery
	case abi.KeyOptionLowerCase:
		to = &k.LowerCase
	case abi.KeyOptionIgnoreQuery:
		to = &k.IgnoreAllQuery
	default:
		return status(abi.StatusInvalid)
	}
	s.change()
	*to = true
	return 0
}

// cacheBypass touches no memory.
func cacheBypass(s *Session, _ []uint64) int64 {
	s.change()
	s.x.Choices.Bypass = true
	return 0
}

// cacheRevalidate touches no memory.
func cacheRevalidate(s *Session, _ []uint64) int64 {
	s.change()
	s.x.Choices.Revalidate = true
	return 0
}

// milliseconds is a duration that a guest gave; false if it is negative or
// cannot be said in nanoseconds.
func milliseconds(ms uint64) (time.Duration, bool) {
	if ms > math.MaxInt64/uint64(time.Millisecond) {
		return 0, false
	}
	return time.Duration(ms) * time.Millisecond, true
}

// cacheTTLSet touches no memory.
func cacheTTLSet(s *Session, a []uint64) int64 { return s.setDuration(&s.x.Choices.TTL, a[0]) }

// cacheGraceSet touches no memory.
func cacheGraceSet(s *Session, a []uint64) int64 { return s.setDuration(&s.x.Choices.Grace, a[0]) }

func (s *Session) setDuration(to *exchange.Duration, ms uint64) int64 {
	d, ok := milliseconds(ms)
	if !ok {
		return status(abi.StatusInvalid)
	}
	s.change()
	*to = exchange.Duration{Value: d, Set: true}
	return 0
}

// cacheTagAdd reads the tag; nothing is written.
func cacheTagAdd(s *Session, a []uint64) int64 {
	tag, c := s.text(a, 0), &s.x.Choices
	if !isTag(tag) {
		return status(abi.StatusInvalid)
	}
	if len(c.Tags) >= maxTags {
		return status(abi.StatusLimit)
	}
	tag, ok := s.keep(tag)
	if !ok {
		return status(abi.StatusLimit)
	}
	s.change()
	c.Tags = append(c.Tags, tag)
	return 0
}

// isTag accepts what both Surrogate-Key (separated by spaces) and Cache-Tag
// (separated by commas) can carry.
func isTag(t string) bool {
	if t == "" || len(t) > maxTag {
		return false
	}
	for i := range len(t) {
		if t[i] <= ' ' || t[i] >= 0x7f || t[i] == ',' {
			return false
		}
	}
	return true
}

// cacheNoStore touches no memory.
func cacheNoStore(s *Session, _ []uint64) int64 {
	s.change()
	s.x.Choices.NoStore = true
	return 0
}

// cacheOutcome writes the outcome's word.
func cacheOutcome(s *Session, a []uint64) int64 {
	buf := s.room(a, 0)
	if s.x.Outcome == exchange.OutcomeNone {
		return status(abi.StatusAbsent)
	}
	return s.give(buf, s.x.Outcome.String())
}

// cacheKey writes 32 hexadecimal digits.
func cacheKey(s *Session, a []uint64) int64 {
	buf := s.room(a, 0)
	if s.x.Cache.Key == [16]byte{} {
		return status(abi.StatusAbsent)
	}
	var room [32]byte
	return s.giveBytes(buf, hex.AppendEncode(room[:0], s.x.Cache.Key[:]))
}
