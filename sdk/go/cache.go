package wedge

import (
	"strings"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

// Key changes what the cache key is made of. Requests with the same key share stored responses.
type Key struct{}

// Add adds a named part to the key, such as a cohort or a language. Each value is a response of its own in the cache: take values from a small set,
// never as the client sent them.
func (Key) Add(name, value string) error {
	return failed(raw.CacheKeyAdd(name, bytes(value)), "add to key", name)
}

// Set puts value in the place of path and query.
func (Key) Set(value string) error { return failed(raw.CacheKeySet(bytes(value)), "set key", "") }

// Ignore leaves a parameter of the query out of the key; a trailing "*" stands for any rest, as in "utm_*". The origin still gets it.
func (Key) Ignore(parameter string) error {
	return failed(raw.CacheKeyIgnore(parameter), "ignore in key", parameter)
}

// IgnoreQuery leaves the whole query out of the key.
func (Key) IgnoreQuery() error { return keyOption(raw.KeyOptionIgnoreQuery, "ignore query in key") }

// SortQuery makes queries equal that differ only in the order of their parameters.
func (Key) SortQuery() error { return keyOption(raw.KeyOptionSortQuery, "sort query in key") }

// LowerCase makes paths and queries equal that differ only in case.
func (Key) LowerCase() error { return keyOption(raw.KeyOptionLowerCase, "lower case in key") }

func keyOption(o raw.KeyOption, op string) error { return failed(raw.CacheKeyOption(o), op, "") }

// Keep decides for how long a response is kept, and under which tags.
type Keep struct{}

// SetTTL says for how long the response is fresh, in place of what its fields say; 0 makes it stale at once.
func (Keep) SetTTL(d Duration) error {
	return failed(raw.CacheTTLSet(d.milliseconds()), "set TTL", "")
}

// SetGrace says for how long after that the response may be served stale.
func (Keep) SetGrace(d Duration) error {
	return failed(raw.CacheGraceSet(d.milliseconds()), "set grace", "")
}

// AddTag adds a tag by which the response can be purged: 1 to 256 visible ASCII characters without comma.
func (Keep) AddTag(tag string) error { return failed(raw.CacheTagAdd(tag), "add tag", tag) }

// NoStore keeps the response out of the cache.
func (Keep) NoStore() error { return failed(raw.CacheNoStore(), "keep out of the cache", "") }

// Outcome is where the response came from, as the access log says it: "hit", "stale", "miss", "pass"; "" as long as that is open.
func Outcome() string {
	var buf [room]byte
	v, _ := text(raw.CacheOutcome(buf[:]), buf[:], raw.CacheOutcome)
	return v
}

// CacheKey is the hashed key of this exchange in hexadecimal digits, "" if none was made.
func CacheKey() string {
	var buf [room]byte
	v, _ := text(raw.CacheKey(buf[:]), buf[:], raw.CacheKey)
	return v
}

// CacheGet reads a value that a function of the same owner has put into the cache; ErrAbsent if it is not there, which can happen at any time.
func CacheGet(key string) ([]byte, error) {
	var buf [room]byte
	v, n := value(raw.StoreGet(bytes(key), buf[:]), buf[:], func(b []byte) int32 { return raw.StoreGet(bytes(key), b) })
	return v, failed(n, "cache get", key)
}

// CachePut keeps a value in the cache for at most ttl, which must not be 0. It goes with any of its tags.
func CachePut(key string, value []byte, ttl Duration, tags ...string) error {
	return failed(raw.StorePut(bytes(key), value, ttl.milliseconds(), strings.Join(tags, " ")), "cache put", key)
}

// CacheDelete removes a value; ErrAbsent if there was none.
func CacheDelete(key string) error { return failed(raw.StoreDelete(bytes(key)), "cache delete", key) }

// PurgeTag purges everything of this owner that carries the tag, stored responses too; soft makes it stale instead. It returns the number of
// objects, 0 if the node does not count them.
func PurgeTag(tag string, soft bool) (int, error) {
	s := int32(0)
	if soft {
		s = 1
	}
	n := raw.PurgeTag(tag, s)
	return max(0, int(n)), failed(n, "purge tag", tag)
}
