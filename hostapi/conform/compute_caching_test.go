package conform

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// The city's rules of caching, which are simple ones: max-age, private, stale-while-revalidate, stale-if-error, entity tags
// that are equal, and ranges of two numbers.

func said(h *exchange.Header, name string) (time.Duration, bool) {
	for _, d := range strings.Split(h.Value(exchange.CacheControl), ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(d), "=")
		if k == name {
			n, _ := strconv.Atoi(v)
			return time.Duration(n) * time.Second, true
		}
	}
	return 0, false
}

func (*city) Cacheable(q *services.CachedRequest) bool {
	return q.Method == "GET" || q.Method == "HEAD"
}

func (*city) Judge(q *services.CachedRequest, status int, h *exchange.Header, now time.Time) (k services.Keeping) {
	k.Since = now
	k.Lifetime, k.Said = said(h, "max-age")
	k.WhileRevalidate, _ = said(h, "stale-while-revalidate")
	k.IfError, _ = said(h, "stale-if-error")
	_, private := said(h, "private")
	_, k.ForAuthorized = said(h, "public")
	k.Store, k.Alone = k.Said && !private && q.Method == "GET", q.Method != "GET"
	for v := range h.Values(exchange.Vary) {
		k.Vary = append(k.Vary, strings.ToLower(v))
	}
	return k
}

func (*city) Use(q *services.CachedRequest, k *services.Kept, now time.Time) services.Use {
	age := k.Age + now.Sub(k.Since)
	switch {
	case q.Header.Has(exchange.Authorization) && !k.ForAuthorized:
		return services.NoUse
	case age < k.Lifetime:
		return services.UseFresh
	case age < k.Lifetime+k.WhileRevalidate:
		return services.UseAndRefresh
	case age < k.Lifetime+k.IfError:
		return services.UseOnError
	}
	return services.UseConfirmed
}

func (*city) Variant(fields []string, q *exchange.Header) (s string) {
	for _, name := range fields {
		v, _ := q.Named(name)
		s += fmt.Sprintf("%s=%q;", name, v)
	}
	return s
}

func (*city) Strip(h *exchange.Header) { h.DeleteKnown(exchange.Connection) }

func (*city) Validate(fetch, kept *exchange.Header) bool {
	tag := kept.Value(exchange.ETag)
	if tag != "" {
		fetch.SetKnown(exchange.IfNoneMatch, tag)
	}
	return tag != ""
}

func (*city) Confirm(kept, fresh *exchange.Header) bool {
	if tag := fresh.Value(exchange.ETag); tag != "" && tag != kept.Value(exchange.ETag) {
		return false
	}
	for f := range fresh.All() {
		if f.Known() != exchange.ContentLength {
			kept.Set(f.Name, f.Value)
		}
	}
	return true
}

func (*city) Select(q *services.CachedRequest, status int, h *exchange.Header, length int64, _ time.Time) services.Selected {
	if tag := q.Header.Value(exchange.IfNoneMatch); tag != "" && tag == h.Value(exchange.ETag) {
		return services.Selected{Status: 304}
	}
	s := services.Selected{Status: status, Last: -1}
	if n, _ := fmt.Sscanf(q.Header.Value(exchange.Range), "bytes=%d-%d", &s.First, &s.Last); n == 2 {
		s.Status, s.ContentRange = 206, fmt.Sprintf("bytes %d-%d/%d", s.First, s.Last, length)
		if s.First >= length {
			s.Status, s.ContentRange = 416, fmt.Sprintf("bytes */%d", length)
		}
	}
	return s
}
