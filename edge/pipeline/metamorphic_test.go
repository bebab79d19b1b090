package pipeline

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/route"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

var (
	replay = flag.String("history", "", "play the history in this file, as TestHistories has printed it, and say each step")
	seed   = flag.Uint64("seed", 0, "the seed of the first random history; 0 takes the day's")
)

// TestHistories plays random histories of requests, changes at the origin,
// purges, time, failures and floods over random options, and holds each
// response against a naive model of what a cache may do. A history that fails is
// printed; put it into a file and play it again with -history.
func TestHistories(t *testing.T) {
	if *replay != "" {
		b, err := os.ReadFile(*replay)
		if err != nil {
			t.Fatal(err)
		}
		if complaint := playHistory(t, string(b), t.Logf); complaint != "" {
			t.Error(complaint)
		}
		return
	}
	n, first := 150, *seed
	if os.Getenv("WEDGE_PROOF") == "1" {
		n = 20_000
	}
	if first == 0 {
		first = uint64(time.Now().Unix() / 86400)
	}
	served := map[string]int{}
	for i := range n {
		h := randomHistory(rand.New(rand.NewPCG(first, uint64(i))))
		complaint := playHistory(t, h, func(format string, args ...any) {
			if word, ok := strings.CutPrefix(fmt.Sprintf(format, args...), "served "); ok {
				served[word]++
			}
		})
		if complaint != "" {
			t.Fatalf("history %d of seed %d: %s\n\n%s", i, first, complaint, h)
		}
	}
	t.Logf("%d histories from seed %d, served: %v", n, first, served)
	// A test that served nothing from the cache would hold as well.
	for _, word := range []string{"hit", "miss", "revalidated", "pass", "failed", "stale", "partial"} {
		if served[word] == 0 {
			t.Errorf("no history has served a response that is %s", word)
		}
	}
}

// The model's world is small, so that things meet.
var (
	histPaths = []string{"/a", "/a/b", "/c?x=1", "/c?x=2"}
	histTags  = []string{"red", "blue"}
	histLangs = []string{"", "de", "fr"}
)

// randomHistory writes a history, one command a line:
//
//	options mode=honour|force|pass no_collapse segment=4
//	change PATH max-age=60 swr=10 sie=20 vary etag ranges tag=red      what the origin says from now on
//	request PATH lang=de cc=no-cache method=HEAD range=2-9
//	burst PATH N lang=de [purge]    N at once, while the origin waits; with a purge of the path meanwhile
//	purge url=PATH|prefix=PATH|tag=T|all [soft]
//	advance 7s
//	origin down|up
//	flood N                          so many other objects
func randomHistory(r *rand.Rand) string {
	var b strings.Builder
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	b.WriteString("options mode=" + []string{"honour", "honour", "honour", "force", "pass"}[r.IntN(5)])
	if r.IntN(4) == 0 {
		b.WriteString(" no_collapse")
	} else if r.IntN(2) == 0 {
		b.WriteString(" segment=4")
	}
	b.WriteByte('\n')
	change := func(path string) {
		fmt.Fprintf(&b, "change %s", path)
		switch r.IntN(10) {
		case 0:
			b.WriteString(" no-store")
		case 1:
			b.WriteString(" private")
		case 2:
			b.WriteString(" no-cache")
		case 3:
		default:
			fmt.Fprintf(&b, " max-age=%d", []int{0, 5, 30, 60}[r.IntN(4)])
		}
		if r.IntN(3) == 0 {
			fmt.Fprintf(&b, " swr=%d", 10+r.IntN(30))
		}
		if r.IntN(3) == 0 {
			fmt.Fprintf(&b, " sie=%d", 10+r.IntN(60))
		}
		for _, word := range []string{"vary", "etag", "chunked", "must-revalidate"} {
			if r.IntN(3) == 0 {
				b.WriteString(" " + word)
			}
		}
		if r.IntN(3) == 0 {
			b.WriteString(" etag ranges")
		}
		if r.IntN(2) == 0 {
			b.WriteString(" tag=" + pick(histTags))
		}
		b.WriteByte('\n')
	}
	for _, p := range histPaths {
		change(p)
	}
	soft := func() string { return []string{"", " soft"}[r.IntN(2)] }
	for range 10 + r.IntN(60) {
		p := pick(histPaths)
		lang := "lang=" + pick(histLangs)
		switch n := r.IntN(100); {
		case n < 50:
			fmt.Fprintf(&b, "request %s %s", p, lang)
			switch r.IntN(16) {
			case 0:
				b.WriteString(" cc=no-cache")
			case 1:
				b.WriteString(" cc=no-store")
			case 2:
				b.WriteString(" cc=only-if-cached")
			case 3:
				b.WriteString(" method=HEAD")
			case 4, 5, 6, 7, 8, 9:
				fmt.Fprintf(&b, " range=%d-%d", r.IntN(5), 4+r.IntN(8))
			}
			b.WriteByte('\n')
		case n < 58:
			fmt.Fprintf(&b, "burst %s %d %s%s\n", p, 2+r.IntN(6), lang, []string{"", " purge"}[r.IntN(2)])
		case n < 70:
			change(p)
		case n < 85:
			fmt.Fprintf(&b, "advance %ds\n", 1+r.IntN(40))
		case n < 87:
			b.WriteString("origin down\n")
		case n < 91:
			b.WriteString("origin up\n")
		case n < 93:
			b.WriteString("flood 40\n")
		default:
			switch r.IntN(4) {
			case 0:
				b.WriteString("purge url=" + p + soft())
			case 1:
				b.WriteString("purge prefix=" + p[:2] + soft())
			case 2:
				b.WriteString("purge tag=" + pick(histTags) + soft())
			case 3:
				b.WriteString("purge all" + soft())
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// playHistory is "" if every response was one that the model allows.
func playHistory(t *testing.T, text string, say func(string, ...any)) (complaint string) {
	synctest.Test(t, func(t *testing.T) {
		h := newHistory(t, say)
		h.advance = func(d time.Duration) { time.Sleep(d) }
		defer h.p.Drain()
		for n, line := range strings.Split(strings.TrimSpace(text), "\n") {
			if complaint = h.do(strings.Fields(line)); complaint != "" {
				complaint = fmt.Sprintf("line %d, %q: %s", n+1, line, complaint)
				return
			}
		}
	})
	return complaint
}

// A history is the pipeline, an origin, and the model beside them.
type history struct {
	t     *testing.T
	p     *Pipeline
	cache *cache.Cache
	say   func(string, ...any)
	model model
	// advance lets time pass.
	advance func(time.Duration)

	mu     sync.Mutex
	down   bool
	pages  map[string]page // by path and query
	newest int             // version of the page changed last
	hold   chan struct{}   // nil: the origin answers at once
	bugs   []string
}

// A page is what the origin says of a path.
type page struct {
	version int
	words   map[string]string
}

func newHistory(t *testing.T, say func(string, ...any)) *history {
	h := &history{t: t, say: say, pages: map[string]page{}}
	c, err := cache.New(cache.Options{Memory: 4 << 20, HitForMiss: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	h.cache = c
	h.model.entries = map[string]*entry{}
	h.p = New(Options{Cache: c, Origins: h, Events: h, Node: "n"})
	return h
}

func (h *history) Ended(*exchange.Exchange, time.Duration)   {}
func (h *history) Fetched(*exchange.Exchange, time.Duration) {}
func (h *history) Bug(_ *exchange.Exchange, v any, stack []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bugs = append(h.bugs, fmt.Sprintf("%v\n%s", v, stack))
}

// do carries out one command and says what was wrong.
func (h *history) do(words []string) string {
	arg := map[string]string{}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		arg[name] = value
	}
	complaint := ""
	switch words[0] {
	case "options":
		r := &Route{Owner: "o", Site: "s", Origin: "main", Rules: cache.Rules{Owner: "o", Site: "s", Origin: "main", TTL: 20 * time.Second}}
		r.Rules.Mode = map[string]cache.Mode{"honour": cache.Honour, "force": cache.Force, "pass": cache.Pass}[arg["mode"]]
		_, alone := arg["no_collapse"]
		r.Rules.Collapse = !alone
		if n, err := strconv.Atoi(arg["segment"]); err == nil {
			r.Rules.Segment, h.model.segments = int64(n), true
		}
		h.model.mode = arg["mode"]
		h.p.SetTable(NewTable([]route.Site[*Route]{{Hosts: []string{"h.example"}, Any: r}}))
	case "change":
		h.mu.Lock()
		h.newest++
		h.pages[words[1]] = page{h.newest, parsePage(words[2:])}
		h.mu.Unlock()
	case "advance":
		h.advance(duration(h.t, words[1]))
	case "origin":
		h.mu.Lock()
		h.down = words[1] == "down"
		h.mu.Unlock()
	case "purge":
		h.purge(words[1:])
	case "request":
		complaint = h.check(h.ask(words[1], arg))
	case "burst":
		complaint = h.burst(words[1], words[2], arg)
	case "flood":
		n, _ := strconv.Atoi(words[1])
		for i := range n {
			h.ask(fmt.Sprintf("/flood%d", i), nil)
		}
		// Anything may have been evicted.
		h.mu.Lock()
		h.model.unsure()
		h.mu.Unlock()
	default:
		h.t.Fatalf("no command %q", words)
	}
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if complaint == "" && len(h.bugs) > 0 {
		complaint = h.bugs[0]
	}
	return complaint
}

func parsePage(words []string) map[string]string {
	m := map[string]string{}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		m[name] = value
	}
	return m
}

// purge forgets, in the cache and in the model.
func (h *history) purge(words []string) {
	q := cache.PurgeRequest{Owner: "o"}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "url":
			q.URL = "http://h.example" + value
		case "prefix":
			q.Prefix = "http://h.example" + value
		case "tag":
			q.Tag = value
		case "all":
			q.All = true
		case "soft":
			q.Soft = true
		}
	}
	if _, err := h.cache.Purge(q); err != nil {
		h.t.Fatal(err)
	}
	h.mu.Lock()
	h.model.purge(&q)
	h.mu.Unlock()
}

// A reply is a response and what is needed to judge it.
type reply struct {
	path, lang, cc string
	head           bool
	ranged         string // value of Range
	asked          time.Time
	purges         int // how many purges there had been when it was asked
	status         int
	outcome        exchange.Outcome
	age            string
	body           string
	err            error
	concurrent     bool // with others, for the same
	fetches        int  // before it was asked
	down           bool // the origin was
}

// ask sends a request and reads all of the response.
func (h *history) ask(path string, arg map[string]string) *reply {
	x := exchange.New()
	x.Now = time.Now()
	x.Client.PeerAddr = netip.MustParseAddr("192.0.2.1")
	q := &x.Request
	q.Proto, q.Scheme, q.Method, q.Host, q.Target = exchange.HTTP11, "http", "GET", "h.example", path
	if arg["method"] != "" {
		q.Method = arg["method"]
	}
	if arg["lang"] != "" {
		q.Header.Add("Accept-Language", arg["lang"])
	}
	if arg["cc"] != "" {
		q.Header.Add("Cache-Control", arg["cc"])
	}
	ranged := ""
	if arg["range"] != "" {
		ranged = "bytes=" + arg["range"]
		q.Header.Add("Range", ranged)
	}
	x.Peer = testPeer{}
	h.mu.Lock()
	r := &reply{path: path, ranged: ranged, lang: arg["lang"], cc: arg["cc"], head: q.Method == "HEAD", asked: x.Now, purges: h.model.purges, fetches: len(h.model.fetches), down: h.down}
	h.mu.Unlock()
	h.p.Serve(x)
	r.status, r.outcome, r.age = x.Response.Status, x.Outcome, strings.Clone(x.Response.Header.Value(exchange.Age))
	var b bytes.Buffer
	_, r.err = x.Response.Body.WriteTo(&b)
	r.body = b.String()
	if x.Cache.Forward == exchange.ForwardPartial && r.outcome == exchange.Miss {
		r.outcome = exchange.Hit // of the head; segments had to be fetched
		h.mu.Lock()
		h.say("served partial")
		h.mu.Unlock()
	}
	x.Response.Body.Close()
	h.mu.Lock()
	h.say("served %s", r.outcome)
	h.mu.Unlock()
	return r
}

// burst asks at once for the same, while the origin holds its answer.
func (h *history) burst(path, count string, arg map[string]string) string {
	n, _ := strconv.Atoi(count)
	hold := make(chan struct{})
	h.mu.Lock()
	h.hold = hold
	h.mu.Unlock()
	replies := make([]*reply, n)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() { replies[i] = h.ask(path, arg) })
	}
	synctest.Wait()
	var late *reply
	if _, ok := arg["purge"]; ok {
		h.purge([]string{"url=" + path})
		wg.Go(func() { late = h.ask(path, arg) })
		synctest.Wait()
	}
	h.mu.Lock()
	h.hold = nil
	h.mu.Unlock()
	close(hold)
	wg.Wait()
	synctest.Wait()
	for _, r := range append(replies, late) {
		if r == nil {
			continue
		}
		r.concurrent = true
		if complaint := h.check(r); complaint != "" {
			return complaint
		}
	}
	return ""
}

// Send is the origin.
func (h *history) Send(_ context.Context, x *exchange.Exchange, _ string) error {
	h.mu.Lock()
	begun := h.model.purges
	hold := h.hold
	h.mu.Unlock()
	if hold != nil {
		<-hold
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return &exchange.Error{Source: exchange.SourceOrigin, Op: "connect", Reason: exchange.ReasonOriginConnect, Retry: true, Err: io.ErrClosedPipe}
	}
	target := x.Request.URI()
	r := &x.Response
	pg, ok := h.pages[target]
	if !ok {
		r.Status, r.ContentLength = 200, 8<<10
		r.Header.Add("Cache-Control", "max-age=60")
		r.Body = exchange.NewBytesBody(make([]byte, 8<<10))
		return nil
	}
	lang := ""
	if _, ok := pg.words["vary"]; ok {
		lang = x.Request.Header.Value(exchange.AcceptLanguage)
		r.Header.Add("Vary", "Accept-Language")
	}
	if cc := pg.cacheControl(); cc != "" {
		r.Header.Add("Cache-Control", cc)
	}
	if tag, ok := pg.words["tag"]; ok {
		r.Header.Add("Cache-Tag", tag)
	}
	etag := fmt.Sprintf(`"%d-%s"`, pg.version, lang)
	r.Status = 200
	if _, ok := pg.words["etag"]; ok {
		r.Header.Add("ETag", etag)
		if x.Request.Header.Value(exchange.IfNoneMatch) == etag {
			r.Status = 304
		}
	}
	if match := x.Request.Header.Value(exchange.IfMatch); match != "" {
		// A segment: what the response is was said with its head.
		if match != etag || !pg.has("etag") {
			r.Status, r.ContentLength = 412, 0
			return nil
		}
	} else {
		h.model.fetched(fetchedPage{path: target, lang: x.Request.Header.Value(exchange.AcceptLanguage), page: pg, at: time.Now(), begun: begun,
			confirmed: r.Status == 304, pass: x.Request.Method == "HEAD" || x.Request.Header.Value(exchange.CacheControl) == "no-store"})
	}
	if r.Status == 304 {
		return nil
	}
	body := fmt.Sprintf("%s %d %s", target, pg.version, lang)
	if field := x.Request.Header.Value(exchange.Range); field != "" && pg.has("ranges") {
		if rg, kind := policy.ParseRange(field, int64(len(body))); kind == policy.Satisfiable {
			r.Status = 206
			r.Header.Add("Content-Range", string(rg.AppendContentRange(nil, int64(len(body)))))
			body = body[rg.First : rg.Last+1]
		}
	}
	r.ContentLength = int64(len(body))
	if _, ok := pg.words["chunked"]; ok {
		r.ContentLength = -1
	}
	if x.Request.Method != "HEAD" {
		r.Body = exchange.ReaderBody(io.NopCloser(strings.NewReader(body)))
	}
	return nil
}

// cacheControl is the page's Cache-Control.
func (pg page) cacheControl() string {
	var list []string
	for _, name := range []string{"no-store", "private", "no-cache", "must-revalidate"} {
		if _, ok := pg.words[name]; ok {
			list = append(list, name)
		}
	}
	for name, directive := range map[string]string{"max-age": "max-age", "swr": "stale-while-revalidate", "sie": "stale-if-error"} {
		if v, ok := pg.words[name]; ok {
			list = append(list, directive+"="+v)
		}
	}
	return strings.Join(list, ", ")
}
