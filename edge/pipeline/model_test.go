package pipeline

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A model is a cache in the plainest words: it remembers each answer of the
// origin and each purge, and says of a response whether a cache may have given
// it, and whether it had to. It is driven by what the origin was asked, so it
// need not know when the cache fetches. All of it is guarded by history.mu.
type model struct {
	mode string
	// segments: what the origin gives by ranges is fetched and stored by segments.
	segments bool
	purges   int
	list     []purged
	fetches  []fetchedPage
	// entries are the newest stored answers by path and language.
	entries map[string]*entry
}

// A fetchedPage is one answer of the origin.
type fetchedPage struct {
	path, lang string
	page       page
	at         time.Time
	begun      int // how many purges there had been when it was asked for
	confirmed  bool
	pass       bool // asked for one client, whatever the answer: it is not stored
}

// An entry is what a naive cache would have under a path and language.
type entry struct {
	fetchedPage
	// sure tells that the cache cannot have a reason not to have it.
	sure bool
}

type purged struct {
	cache.PurgeRequest
	number int
}

// purge numbers a purge and remembers it.
func (m *model) purge(q *cache.PurgeRequest) {
	m.purges++
	m.list = append(m.list, purged{*q, m.purges})
}

// unsure says that anything may be gone.
func (m *model) unsure() {
	for _, e := range m.entries {
		e.sure = false
	}
}

// fetched takes an answer of the origin.
func (m *model) fetched(f fetchedPage) {
	m.fetches = append(m.fetches, f)
	// A response that varies takes the place of one that does not, and the other
	// way round: under which of them a request falls is known no more.
	for _, e := range m.entries {
		if e.path == f.path && e.varies() != f.page.varies() {
			e.sure = false
		}
	}
	k := f.path + " " + f.language()
	if f.pass {
		return
	}
	m.entries[k] = &entry{f, m.storable(f.page)}
}

func (pg page) varies() bool { _, ok := pg.words["vary"]; return ok }

func (f *fetchedPage) varies() bool { return f.page.varies() }

// language is that of the answer: "" if it is the same in all.
func (f *fetchedPage) language() string {
	if f.varies() {
		return f.lang
	}
	return ""
}

func (pg page) has(word string) bool { _, ok := pg.words[word]; return ok }

func (pg page) seconds(word string) time.Duration {
	n, _ := strconv.Atoi(pg.words[word])
	return time.Duration(n) * time.Second
}

// storable tells whether the answer may be stored for sharing, and is of use.
func (m *model) storable(pg page) bool {
	switch m.mode {
	case "pass":
		return false
	case "force":
		return true
	}
	return !pg.has("no-store") && !pg.has("private") && !pg.has("no-cache") && pg.has("max-age") && pg.seconds("max-age") > 0
}

// lifetime is how long the answer is fresh.
func (m *model) lifetime(pg page) time.Duration {
	if m.mode == "force" {
		return 20 * time.Second
	}
	return pg.seconds("max-age")
}

// gone tells whether a purge after the fetch began, and before the request,
// means it: softly or for good.
func (m *model) gone(f *fetchedPage, before int) (hard, soft bool) {
	for _, p := range m.list {
		if p.number <= f.begun || p.number > before {
			continue
		}
		url := "http://h.example" + f.path
		if !(p.All || p.URL == url || p.Prefix != "" && strings.HasPrefix(url, p.Prefix) || p.Tag != "" && f.page.words["tag"] == p.Tag) {
			continue
		}
		if p.Soft {
			soft = true
		} else {
			hard = true
		}
	}
	return hard, soft
}

// check says what is wrong with a reply.
func (h *history) check(r *reply) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := &h.model
	if errors.Is(r.err, cache.ErrChanged) || r.err != nil && h.down {
		// The representation is another one by now, or not to be had, and a segment
		// of it was missing: the client sees that the response is cut, and what
		// there is of it is of the version that it began with.
		for i := range m.fetches {
			f := &m.fetches[i]
			if f.path == r.path && (strings.HasPrefix(f.body(), r.body) || r.ranged != "" && strings.HasPrefix(f.part(r.ranged), r.body)) {
				return ""
			}
		}
		return fmt.Sprintf("the body broke, and begins with %q", r.body)
	}
	if r.err != nil {
		return fmt.Sprintf("the body broke: %v", r.err)
	}
	must := m.mustHit(r)
	if must != nil && m.segments && must.page.has("ranges") && r.status != 200 && r.status != 206 {
		must = nil // a segment that was not asked for before may be missing
	}
	switch r.status {
	case 502:
		if !h.down {
			return "502 although the origin answers"
		}
		if must != nil {
			return fmt.Sprintf("502 although version %d is fresh", must.page.version)
		}
		return ""
	case 504:
		if r.cc != "only-if-cached" {
			return "504 without only-if-cached"
		}
		if must != nil {
			return fmt.Sprintf("504 although version %d is fresh", must.page.version)
		}
		return ""
	case 200:
	case 206:
		if r.ranged == "" {
			return "206 although no range was asked for"
		}
	default:
		return fmt.Sprintf("status %d", r.status)
	}
	if must != nil && r.outcome != exchange.Hit {
		return fmt.Sprintf("%s although version %d, fetched %v ago, is fresh", r.outcome, must.page.version, r.asked.Sub(must.at))
	}
	if r.head {
		return ""
	}
	if r.status == 206 {
		return m.partIsRight(r)
	}
	words := strings.Split(r.body, " ")
	if len(words) != 3 || words[0] != r.path || words[2] != "" && words[2] != r.lang {
		return fmt.Sprintf("the body is %q, for another request", r.body)
	}
	version, _ := strconv.Atoi(words[1])
	var why []string
	// Some answer of the origin must account for the response.
	for i := len(m.fetches) - 1; i >= 0; i-- {
		f := &m.fetches[i]
		if f.path != r.path || f.page.version != version || f.language() != words[2] {
			continue
		}
		complaint := m.allows(r, f, i)
		if complaint == "" {
			return ""
		}
		why = append(why, complaint)
	}
	return fmt.Sprintf("%s of version %d, Age %q, cannot be: %s", r.outcome, version, r.age, strings.Join(why, "; or "))
}

// partIsRight says why no answer of the origin accounts for a part of one.
func (m *model) partIsRight(r *reply) string {
	var why []string
	for i := len(m.fetches) - 1; i >= 0; i-- {
		f := &m.fetches[i]
		if f.path != r.path || f.varies() && f.lang != r.lang || f.part(r.ranged) != r.body {
			continue
		}
		complaint := m.allows(r, f, i)
		if complaint == "" {
			return ""
		}
		why = append(why, fmt.Sprintf("version %d: %s", f.page.version, complaint))
	}
	return fmt.Sprintf("%s of the part %q, Age %q, cannot be: %s", r.outcome, r.body, r.age, strings.Join(why, "; or "))
}

// body is what the origin answered, and part a range of it.
func (f *fetchedPage) body() string {
	return fmt.Sprintf("%s %d %s", f.path, f.page.version, f.language())
}

func (f *fetchedPage) part(field string) string {
	b := f.body()
	if rg, kind := policy.ParseRange(field, int64(len(b))); kind == policy.Satisfiable {
		return b[rg.First : rg.Last+1]
	}
	return b
}

// allows says why the answer f of the origin does not account for the reply.
func (m *model) allows(r *reply, f *fetchedPage, i int) string {
	if f.at.After(r.asked) || i >= r.fetches {
		// Fetched for this request, or while it waited. A fetch that began before a
		// purge is not for those who came after it.
		if hard, _ := m.gone(f, r.purges); hard {
			return "its fetch began before a purge that the request came after"
		}
		if r.concurrent && !m.storable(f.page) && i >= r.fetches {
			return "" // each has its own, by order of arrival
		}
		return ""
	}
	age := r.asked.Sub(f.at)
	fresh := m.lifetime(f.page) > age
	hard, soft := m.gone(f, r.purges)
	switch {
	case m.mode == "pass":
		return "the route passes"
	case hard:
		return "it was purged"
	case m.mode == "honour" && (f.page.has("no-store") || f.page.has("private")):
		return "it must not be stored"
	case m.mode == "honour" && f.page.has("no-cache"):
		return "it must be confirmed each time"
	case r.cc == "no-cache" && !(r.outcome == exchange.Stale && r.down):
		return "the client wanted no stored response"
	case r.outcome == exchange.Hit && soft:
		return "it was purged softly"
	case r.outcome == exchange.Hit && !fresh:
		return fmt.Sprintf("it has been stale for %v", age-m.lifetime(f.page))
	case r.outcome == exchange.Stale && m.mode == "honour" && f.page.has("must-revalidate"):
		return "it must not be used stale"
	case r.outcome == exchange.Stale && !fresh && age-m.lifetime(f.page) >= max(f.page.seconds("swr"), f.page.seconds("sie")):
		return fmt.Sprintf("it has been stale for %v, longer than allowed", age-m.lifetime(f.page))
	case r.outcome != exchange.Hit && r.outcome != exchange.Stale:
		return "the origin did not say it for this request"
	}
	if want := strconv.FormatInt(int64(age/time.Second), 10); r.age != want {
		return "its Age should be " + want
	}
	return ""
}

// mustHit is the entry that the reply had to be served from, nil if the cache
// may have had none.
func (m *model) mustHit(r *reply) *entry {
	if r.cc == "no-cache" || r.cc == "no-store" || r.concurrent {
		return nil
	}
	var found *entry
	for _, lang := range []string{"", r.lang} {
		e := m.entries[r.path+" "+lang]
		if e == nil || e.varies() != (lang != "" || e.varies() && r.lang == "") {
			continue
		}
		if found == nil || e.at.After(found.at) {
			found = e
		}
	}
	if found == nil || !found.sure || !found.at.Before(r.asked) && r.fetches < len(m.fetches) {
		return nil
	}
	if hard, soft := m.gone(&found.fetchedPage, r.purges); hard || soft || m.lifetime(found.page) <= r.asked.Sub(found.at) {
		return nil
	}
	return found
}
