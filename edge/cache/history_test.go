package cache

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/disk/faultfs"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A history is a list of lines that a cache and a naive model both live
// through; they must agree on every answer:
//
//	get PATH LANG          a request; /v… vary on Accept-Language
//	change PATH            the origin has another version
//	advance DURATION
//	purge url PATH [soft]
//	purge prefix PATH [soft]
//	purge tag TAG [soft]   a path has its first letter as a tag
//	purge all [soft]
//	purge other            everything of another owner
//	evict PATH LANG
//	restart | kill   with a disk: the cache is closed, or not, and opened again
type history struct {
	w       *world
	disk    *faultfs.FS // nil: memory only
	version map[string]int
	stored  map[[2]string]*modelled
	fresh   int // answers without a fetch
	wary    int // fetches where the model had something fresh
}

type modelled struct {
	version int
	until   time.Time
	soft    bool
}

const historyTTL = 20 * time.Second

func newHistory(t *testing.T, fsys *faultfs.FS) *history {
	h := &history{disk: fsys, version: map[string]int{}, stored: map[[2]string]*modelled{}}
	h.w = newWorld(t, h.options())
	h.w.fetch = func(fx *exchange.Exchange) {
		path := fx.Request.URI()
		etag := fmt.Sprintf(`"%d"`, h.version[path])
		fields := []string{"Cache-Control: max-age=20", "ETag: " + etag, "Surrogate-Key: page " + path[1:2]}
		lang := ""
		if strings.HasPrefix(path, "/v") {
			lang = fx.Request.Header.Value(exchange.AcceptLanguage)
			fields = append(fields, "Vary: Accept-Language")
		}
		if fx.Request.Header.Value(exchange.IfNoneMatch) == etag {
			fx.Response.Status = 304
			add(&fx.Response.Header, fields)
			return
		}
		respond(fx, 200, h.text(path, lang, h.version[path]), fields...)
	}
	return h
}

func (h *history) options() Options {
	o := Options{Memory: 4 << 20}
	if h.disk != nil {
		o.Disk = Disk{Size: leastDisk, FS: h.disk}
	}
	return o
}

// text is a body; those of /b are so long that they stand on disk only, if there
// is one.
func (h *history) text(path, lang string, version int) string {
	text := fmt.Sprintf("%s in %q, version %d", path, lang, version)
	if h.disk != nil && strings.HasPrefix(path, "/b") {
		return strings.Repeat(text+"\n", inKernel/len(text)+1)
	}
	return text
}

// reopen lets another cache go on with what is on disk.
func (h *history) reopen(disk *faultfs.FS) string {
	h.disk = disk
	c, err := New(h.options())
	if err != nil {
		return err.Error()
	}
	h.w.c = c
	return ""
}

// live lives through one line, and is what the cache did wrong.
func (h *history) live(line string) string {
	word := append(strings.Fields(line), "", "", "")
	switch word[0] {
	case "get":
		return h.get(word[1], word[2])
	case "change":
		h.version[word[1]]++
	case "advance":
		d, _ := time.ParseDuration(word[1])
		<-time.After(d) // in fake time
	case "evict":
		x := get(word[1], "Accept-Language: "+word[2])
		f := h.w.c.Lookup(x, h.w.r)
		if f.object != nil {
			h.w.c.store.Remove(f.object, store.Evicted)
		}
		f.Close()
		if h.disk == nil {
			delete(h.stored, h.key(word[1], word[2]))
		}
	case "restart":
		h.w.c.Close()
		return h.reopen(h.disk)
	case "kill":
		left := h.disk.Clone()
		h.w.c.Close()
		return h.reopen(left)
	case "purge":
		h.purge(word[1], word[2], slices.Contains(word, "soft"))
	default:
		return "there is no such line"
	}
	return ""
}

func (h *history) key(path, lang string) [2]string {
	if !strings.HasPrefix(path, "/v") {
		lang = ""
	}
	return [2]string{path, lang}
}

func (h *history) get(path, lang string) string {
	x := get(path, "Accept-Language: "+lang)
	k := h.key(path, lang)
	before := h.w.asked.Load()
	how := h.w.serve(x)
	got, err := body(x)
	x.Release()
	synctest.Wait()
	fetched := h.w.asked.Load() > before
	m := h.stored[k]
	usable := m != nil && !m.soft && time.Now().Before(m.until)
	version := h.version[path]
	switch {
	case !usable && !fetched:
		return fmt.Sprintf("answered (%s) without asking the origin; the model has %+v", how, m)
	case usable && !fetched:
		h.fresh++
		version = m.version
	case usable:
		h.wary++ // two hashes fell on the same places
	}
	if want := h.text(path, k[1], version); err != nil || got != want {
		return fmt.Sprintf("%s: %q, error %v; want %q", how, got, err, want)
	}
	if fetched {
		h.stored[k] = &modelled{version: version, until: time.Now().Add(historyTTL)}
	}
	return ""
}

func (h *history) purge(what, arg string, soft bool) {
	p := PurgeRequest{Owner: "o", Soft: soft}
	hit := func(path string) bool { return true }
	switch what {
	case "url":
		p.URL = "https://a.example" + arg
		hit = func(path string) bool { return path == arg }
	case "prefix":
		p.Prefix = "https://a.example" + arg
		hit = func(path string) bool { return strings.HasPrefix(path, arg) }
	case "tag":
		p.Tag = arg
		hit = func(path string) bool { return arg == "page" || path[1:2] == arg }
	case "all":
		p.All = true
	case "other":
		p.All, p.Owner = true, "p"
		hit = func(string) bool { return false }
	}
	h.w.purge(p)
	for k, m := range h.stored {
		switch {
		case !hit(k[0]):
		case soft:
			m.soft = true
		default:
			delete(h.stored, k)
		}
	}
}

func randomHistory(seed uint64, lines int, disk bool) (history []string) {
	r := rand.New(rand.NewPCG(seed, 11))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	path := func() string { return "/" + pick("a", "b", "v") + pick("", "1", "2", "22", "?q=1") }
	lang := func() string { return pick("de", "en", "fr") }
	soft := func() string { return pick("", "", " soft") }
	for len(history) < lines {
		var line string
		switch n := r.IntN(100); {
		case n < 60:
			line = "get " + path() + " " + lang()
		case n < 68:
			line = "change " + path()
		case n < 78:
			line = "advance " + pick("1s", "5s", "19s", "20s")
		case n < 83:
			line = "evict " + path() + " " + lang()
		case n < 88:
			line = "purge url " + path() + soft()
		case n < 92:
			line = "purge prefix " + pick("/a", "/b", "/v2", "/a1", "/v") + soft()
		case n < 96:
			line = "purge tag " + pick("a", "b", "v", "page", "none") + soft()
		case n < 98:
			line = "purge all" + soft()
		default:
			line = "purge other"
		}
		if disk && r.IntN(12) == 0 {
			line = pick("restart", "kill")
		}
		history = append(history, line)
	}
	return history
}

// replay lives through a history and fails with it as text. It is how many
// requests were answered without the origin.
func replay(t *testing.T, name string, lines []string, fsys *faultfs.FS) (fresh int) {
	synctest.Test(t, func(t *testing.T) {
		h := newHistory(t, fsys)
		defer func() { h.w.c.Close() }()
		for i, line := range lines {
			if wrong := h.live(line); wrong != "" {
				t.Fatalf("%s, line %d: %.300s\n%s", name, i+1, wrong, strings.Join(lines[:i+1], "\n"))
			}
		}
		if h.wary > 2+h.fresh/5 {
			t.Errorf("%s: %d of %d requests were sent to the origin although nothing had been purged", name, h.wary, h.wary+h.fresh)
		}
		fresh = h.fresh
	})
	return fresh
}

func TestRandomHistories(t *testing.T) {
	for seed := range uint64(60) {
		replay(t, fmt.Sprint("seed ", seed), randomHistory(seed, 150, false), nil)
	}
}

// The same with a disk, restarts and kills.
func TestRandomHistoriesOnDisk(t *testing.T) {
	fresh := 0
	for seed := range uint64(8) {
		fresh += replay(t, fmt.Sprint("seed ", seed), randomHistory(seed, 150, true), faultfs.New(seed))
	}
	if fresh < 8*10 {
		t.Errorf("only %d requests were answered without the origin", fresh)
	}
}

// Histories that say something by themselves.
func TestHistories(t *testing.T) {
	f := func(name, text string) {
		t.Helper()
		lines := strings.Split(strings.TrimSpace(text), "\n")
		if !strings.Contains(text, "kill") && !strings.Contains(text, "restart") {
			replay(t, name, lines, nil)
		}
		replay(t, name+", on disk", lines, faultfs.New(1))
	}
	f("a soft purge is over once the origin has confirmed", `
get /a de
purge all soft
get /a de
change /a
get /a de`)
	f("a purge by prefix reaches every variant", `
get /v1 de
get /v1 en
change /v1
purge prefix /v
get /v1 de
get /v1 en`)
	f("what is fetched after a purge stays", `
purge url /a
get /a de
purge url /b
get /a de
advance 19s
get /a de`)
	f("a purge outlives a kill", `
get /a de
get /b de
get /v1 de
purge url /a
purge tag b
purge prefix /v
kill
get /a de
get /b de
get /v1 de`)
	f("a soft purge outlives a restart", `
get /a de
get /b de
change /b
purge all soft
restart
get /a de
get /b de`)
	f("the older version is not back after a kill", `
get /a de
get /b de
change /a
change /b
purge all
get /a de
get /b de
evict /a de
kill
get /a de
get /b de`)
}
