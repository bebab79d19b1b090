//go:build !wasip1

package wedgetest

import (
	"slices"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

// Bounds of what functions decide about one exchange.
const (
	maxVars     = 4096
	maxKeyParts = 32
	maxIgnored  = 64
	maxTags     = 128
	maxTag      = 256
	maxWait     = 1<<63 - 1 // nanoseconds
)

// span is a duration that a function gave, false if it has no meaning.
func span(ms int64) (time.Duration, bool) {
	if ms < 0 || ms > maxWait/int64(time.Millisecond) {
		return 0, false
	}
	return time.Duration(ms) * time.Millisecond, true
}

func (h *host) ExchangeID(id []byte) int32 {
	if st := h.enter("exchange_id", 0); st != raw.StatusOK {
		return int32(st)
	}
	return give(id, h.x.ID)
}

func (h *host) VarGet(name string, value []byte) int32 {
	if st := h.enter("var_get", 0); st != raw.StatusOK {
		return int32(st)
	}
	v, ok := h.x.Vars[name]
	if !ok {
		return int32(raw.StatusAbsent)
	}
	return give(value, v)
}

func (h *host) VarSet(name string, value []byte) int32 {
	return h.do("var_set", func(x *Exchange) raw.Status {
		if name == "" {
			return raw.StatusInvalid
		}
		n := len(name) + len(value)
		for k, v := range x.Vars {
			if k != name {
				n += len(k) + len(v)
			}
		}
		if n > maxVars {
			return raw.StatusLimit
		}
		x.Vars[strings.Clone(name)] = string(value)
		return raw.StatusOK
	})
}

func (h *host) VarRemove(name string) int32 {
	return h.do("var_remove", func(x *Exchange) raw.Status {
		if _, ok := x.Vars[name]; !ok {
			return raw.StatusAbsent
		}
		delete(x.Vars, name)
		return raw.StatusOK
	})
}

func (h *host) OriginSet(name string) int32 {
	return h.do("origin_set", func(x *Exchange) raw.Status {
		if name == "" || len(name) > 255 {
			return raw.StatusInvalid
		}
		x.Origin = strings.Clone(name)
		return raw.StatusOK
	})
}

func (h *host) CacheKeyAdd(name string, value []byte) int32 {
	return h.do("cache_key_add", func(x *Exchange) raw.Status {
		if name == "" {
			return raw.StatusInvalid
		}
		if len(x.Key.Parts) == maxKeyParts {
			return raw.StatusLimit
		}
		x.Key.Parts = append(x.Key.Parts, Field{strings.Clone(name), string(value)})
		return raw.StatusOK
	})
}

func (h *host) CacheKeySet(value []byte) int32 {
	return h.do("cache_key_set", func(x *Exchange) raw.Status {
		v := string(value)
		x.Key.Replace = &v
		return raw.StatusOK
	})
}

func (h *host) CacheKeyIgnore(name string) int32 {
	return h.do("cache_key_ignore", func(x *Exchange) raw.Status {
		if name == "" {
			return raw.StatusInvalid
		}
		if len(x.Key.Ignore) == maxIgnored {
			return raw.StatusLimit
		}
		x.Key.Ignore = append(x.Key.Ignore, strings.Clone(name))
		return raw.StatusOK
	})
}

func (h *host) CacheKeyOption(option raw.KeyOption) int32 {
	return h.do("cache_key_option", func(x *Exchange) raw.Status {
		switch option {
		case raw.KeyOptionSortQuery:
			x.Key.SortQuery = true
		case raw.KeyOptionLowerCase:
			x.Key.LowerCase = true
		case raw.KeyOptionIgnoreQuery:
			x.Key.IgnoreQuery = true
		default:
			return raw.StatusInvalid
		}
		return raw.StatusOK
	})
}

func (h *host) CacheBypass() int32 {
	return h.do("cache_bypass", func(x *Exchange) raw.Status {
		x.Bypass = true
		return raw.StatusOK
	})
}

func (h *host) CacheRevalidate() int32 {
	return h.do("cache_revalidate", func(x *Exchange) raw.Status {
		x.Revalidate = true
		return raw.StatusOK
	})
}

func (h *host) setSpan(function string, ms int64, to func(x *Exchange, d time.Duration)) int32 {
	return h.do(function, func(x *Exchange) raw.Status {
		d, ok := span(ms)
		if !ok {
			return raw.StatusInvalid
		}
		to(x, d)
		return raw.StatusOK
	})
}

func (h *host) CacheTTLSet(ttl int64) int32 {
	return h.setSpan("cache_ttl_set", ttl, func(x *Exchange, d time.Duration) { x.TTL = &d })
}

func (h *host) CacheGraceSet(grace int64) int32 {
	return h.setSpan("cache_grace_set", grace, func(x *Exchange, d time.Duration) { x.Grace = &d })
}

func isTag(t string) bool {
	return t != "" && len(t) <= maxTag && !strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ',' })
}

func (h *host) CacheTagAdd(tag string) int32 {
	return h.do("cache_tag_add", func(x *Exchange) raw.Status {
		if !isTag(tag) {
			return raw.StatusInvalid
		}
		if len(x.Tags) == maxTags {
			return raw.StatusLimit
		}
		x.Tags = append(x.Tags, strings.Clone(tag))
		return raw.StatusOK
	})
}

func (h *host) CacheNoStore() int32 {
	return h.do("cache_no_store", func(x *Exchange) raw.Status {
		x.NoStore = true
		return raw.StatusOK
	})
}

func (h *host) CacheOutcome(word []byte) int32 {
	return h.known("cache_outcome", word, func() string { return h.x.Outcome })
}

func (h *host) CacheKey(key []byte) int32 {
	return h.known("cache_key", key, func() string { return h.x.CacheKey })
}

func (h *host) known(function string, buf []byte, v func() string) int32 {
	if st := h.enter(function, 0); st != raw.StatusOK {
		return int32(st)
	}
	if v() == "" {
		return int32(raw.StatusAbsent)
	}
	return give(buf, v())
}

// cached is a value in the cache as a store.
type cached struct {
	value   string
	tags    []string
	expires time.Time
}

func (h *host) StoreGet(key, value []byte) int32 {
	if st := h.enter("store_get", 0); st != raw.StatusOK {
		return int32(st)
	}
	c, ok := h.node.cache[string(key)]
	if !ok || !h.node.Now.Before(c.expires) {
		return int32(raw.StatusAbsent)
	}
	return give(value, c.value)
}

func (h *host) StorePut(key, value []byte, ttl int64, tags string) int32 {
	return h.do("store_put", func(*Exchange) raw.Status {
		d, ok := span(ttl)
		list := strings.Fields(tags)
		if !ok || d == 0 || len(key) == 0 || slices.ContainsFunc(list, func(t string) bool { return !isTag(t) }) {
			return raw.StatusInvalid
		}
		if len(list) > maxTags {
			return raw.StatusLimit
		}
		h.node.cache[string(key)] = cached{string(value), list, h.node.Now.Add(d)}
		return raw.StatusOK
	})
}

func (h *host) StoreDelete(key []byte) int32 {
	return h.do("store_delete", func(*Exchange) raw.Status {
		if _, ok := h.node.cache[string(key)]; !ok {
			return raw.StatusAbsent
		}
		delete(h.node.cache, string(key))
		return raw.StatusOK
	})
}

func (h *host) PurgeTag(tag string, soft int32) int32 {
	return h.do("purge_tag", func(*Exchange) raw.Status {
		if !isTag(tag) || soft < 0 || soft > 1 {
			return raw.StatusInvalid
		}
		h.node.Purged = append(h.node.Purged, Purge{strings.Clone(tag), soft == 1})
		n := 0
		for k, c := range h.node.cache {
			if slices.Contains(c.tags, tag) {
				delete(h.node.cache, k)
				n++
			}
		}
		return raw.Status(n)
	})
}
