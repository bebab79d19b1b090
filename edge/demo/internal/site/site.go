package site

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed pages/*.html
var pages embed.FS

//go:embed assets
var assets embed.FS

// A Site is the origin. Its variants share a log.
type Site struct {
	Log      Log
	pages    map[string]*template.Template
	pictures map[string][]byte
}

// New makes the site.
func New() *Site {
	s := &Site{pages: map[string]*template.Template{}, pictures: map[string][]byte{"sky.png": sky()}}
	for _, name := range []string{"home-a", "home-b", "lights", "light", "search", "almanac", "members", "missing"} {
		s.pages[name] = template.Must(template.ParseFS(pages, "pages/layout.html", "pages/card.html", "pages/"+name+".html"))
	}
	for _, l := range lights {
		s.pictures["lights/"+l.Slug+".svg"] = tower(l)
	}
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	for _, name := range []string{"favicon.svg", "site.css", "site.js"} {
		if s.pictures[name], err = fs.ReadFile(files, name); err != nil {
			panic("BUG: " + err.Error())
		}
	}
	return s
}

// Variant is the site as one of its two addresses serves it: "a" or "b". They differ in their first page.
func (s *Site) Variant(name string) http.Handler {
	mux := http.NewServeMux()
	get := func(pattern string, h func(*answer)) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
			n := s.Log.add(name, r.Method, r.URL.RequestURI())
			h(&answer{site: s, variant: name, number: n, w: w, r: r})
		})
	}
	get("/{$}", (*answer).home)
	get("/lights/{$}", (*answer).lights)
	get("/lights/{slug}", (*answer).light)
	get("/search", (*answer).search)
	get("/almanac", (*answer).almanac)
	get("/members/{page...}", (*answer).members)
	get("/assets/{file...}", (*answer).asset)
	get("/api/lights.json", (*answer).apiLights)
	get("/api/origin.json", (*answer).apiOrigin)
	get("/", (*answer).missing)
	return mux
}

// An answer is one request and what becomes of it.
type answer struct {
	site    *Site
	variant string
	number  int
	w       http.ResponseWriter
	r       *http.Request
}

// A view is what templates see.
type view struct {
	Title, Class  string
	Variant, Made string
	Number        int
	Lights        []light
	Light         light
	Query, Sort   string
	Nights        []night
}

// fields sets what every response has. Like many an origin this one talks too much: about its software, and to each visitor of a
// page with a cookie that nobody reads.
func (a *answer) fields(kind, tags string) {
	h := a.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Server", "Gaslight/2.1 (brass)")
	h.Set("X-Powered-By", "paraffin")
	h.Set("X-Origin", a.variant)
	h.Set("X-Origin-Request", strconv.Itoa(a.number))
	if tags != "" {
		h.Set("Cache-Tag", tags)
	}
}

// page renders a template. Browsers ask each time; caches in front keep it for five minutes.
func (a *answer) page(status int, name string, v view, tags string) {
	v.Variant, v.Number, v.Made = a.variant, a.number, time.Now().UTC().Format("15:04:05.000 UTC")
	var b bytes.Buffer
	if err := a.site.pages[name].ExecuteTemplate(&b, "layout.html", v); err != nil {
		panic("BUG: a page of the demo site cannot be rendered: " + err.Error())
	}
	a.fields("text/html; charset=utf-8", tags)
	h := a.w.Header()
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "public, max-age=0, s-maxage=300, must-revalidate")
	}
	h.Add("Set-Cookie", "visit="+strconv.Itoa(a.number)+"; Path=/; SameSite=Lax")
	a.write(status, b.Bytes())
}

func (a *answer) write(status int, body []byte) {
	a.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	a.w.WriteHeader(status)
	if a.r.Method != http.MethodHead {
		a.w.Write(body) // a client that is gone needs no answer
	}
}

func (a *answer) home() {
	a.page(200, "home-"+a.variant, view{Title: "Eight lights", Class: "home-" + a.variant, Lights: lights}, "home")
}

func (a *answer) lights() {
	a.page(200, "lights", view{Title: "The lights", Lights: lights}, "lights")
}

func (a *answer) light() {
	l, ok := named(a.r.PathValue("slug"))
	if !ok {
		a.missing()
		return
	}
	a.page(200, "light", view{Title: l.Name, Light: l}, "lights, light:"+l.Slug)
}

func (a *answer) search() {
	q := a.r.URL.Query()
	text, order := q.Get("q"), q.Get("sort")
	a.page(200, "search", view{Title: "Search", Query: text, Sort: order, Lights: search(text, order)}, "lights, search")
}

// AlmanacTakes is how long the origin needs for its almanac. Many a page takes that long somewhere; this one waits.
const AlmanacTakes = 400 * time.Millisecond

func (a *answer) almanac() {
	t := time.NewTimer(AlmanacTakes)
	defer t.Stop()
	select {
	case <-t.C:
	case <-a.r.Context().Done():
		return
	}
	a.page(200, "almanac", view{Title: "Almanac", Nights: nights()}, "almanac")
}

// members asks for no credentials: whoever comes this far was let in by the node. What it answers is for nobody's cache.
func (a *answer) members() {
	if a.r.PathValue("page") != "log" {
		a.missing()
		return
	}
	a.w.Header().Set("Cache-Control", "private, no-store")
	a.page(200, "members", view{Title: "Keepers’ log"}, "")
}

func (a *answer) missing() {
	a.w.Header().Set("Cache-Control", "no-store")
	a.page(404, "missing", view{Title: "No light here"}, "")
}

// asset serves styles, scripts and pictures, with a validator.
func (a *answer) asset() {
	name := a.r.PathValue("file")
	body, ok := a.site.pictures[name]
	if !ok {
		a.missing()
		return
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if strings.HasSuffix(name, ".js") {
		kind = "text/javascript; charset=utf-8"
	}
	a.fields(kind, "assets")
	sum := sha256.Sum256(body)
	h := a.w.Header()
	h.Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	h.Set("Cache-Control", "public, max-age=60, s-maxage=3600")
	if a.r.Header.Get("If-None-Match") == h.Get("ETag") {
		a.w.WriteHeader(http.StatusNotModified)
		return
	}
	a.write(200, body)
}

func (a *answer) apiLights() {
	a.fields("application/json", "lights, api")
	a.w.Header().Set("Cache-Control", "public, max-age=0, s-maxage=60")
	a.json(struct {
		Lights []light `json:"lights"`
	}{lights})
}

// apiOrigin tells how often the origin was asked, this time included.
func (a *answer) apiOrigin() {
	a.fields("application/json", "")
	a.w.Header().Set("Cache-Control", "no-store")
	a.json(struct {
		Requests int    `json:"requests"`
		Variant  string `json:"variant"`
	}{a.number, a.variant})
}

func (a *answer) json(v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("BUG: an answer of the demo site is no JSON: " + err.Error())
	}
	a.write(200, append(body, '\n'))
}
