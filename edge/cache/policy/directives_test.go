package policy

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// fields makes a header of lines "Name: value".
func fields(lines ...string) *exchange.Header {
	h := &exchange.Header{}
	for _, l := range lines {
		name, value, ok := strings.Cut(l, ":")
		if !ok {
			panic("BUG: no field line: " + l)
		}
		h.Add(name, strings.Trim(value, " "))
	}
	return h
}

// text shows a header in one line.
func text(h *exchange.Header) string {
	var b []string
	for f := range h.All() {
		b = append(b, f.Name+": "+f.Value)
	}
	return strings.Join(b, " | ")
}

var setNames = []struct {
	set  Set
	name string
	time func(*Directives) *time.Duration
}{
	{NoStore, "no-store", nil}, {NoCache, "no-cache", nil}, {Private, "private", nil}, {Public, "public", nil},
	{MustRevalidate, "must-revalidate", nil}, {ProxyRevalidate, "proxy-revalidate", nil}, {MustUnderstand, "must-understand", nil},
	{NoTransform, "no-transform", nil}, {OnlyIfCached, "only-if-cached", nil}, {Immutable, "immutable", nil},
	{MaxAge, "max-age", func(d *Directives) *time.Duration { return &d.MaxAge }},
	{SMaxAge, "s-maxage", func(d *Directives) *time.Duration { return &d.SMaxAge }},
	{MaxStale, "max-stale", func(d *Directives) *time.Duration { return &d.MaxStale }},
	{MinFresh, "min-fresh", func(d *Directives) *time.Duration { return &d.MinFresh }},
	{StaleWhileRevalidate, "stale-while-revalidate", func(d *Directives) *time.Duration { return &d.StaleWhileRevalidate }},
	{StaleIfError, "stale-if-error", func(d *Directives) *time.Duration { return &d.StaleIfError }},
}

// words shows directives: "max-age=60 private".
func words(d Directives) string {
	var w []string
	for _, n := range setNames {
		if !d.Has(n.set) {
			continue
		}
		s := n.name
		if n.time != nil {
			s += "=" + strconv.FormatInt(int64(*n.time(&d)/time.Second), 10)
		}
		w = append(w, s)
	}
	slices.Sort(w)
	return strings.Join(w, " ")
}

func TestCacheControl(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		if got := words(CacheControl(fields("Cache-Control: " + value))); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
	f("", "")
	f("max-age=60", "max-age=60")
	f("no-store,no-cache , private;,public", "no-cache no-store private public")
	f("must-revalidate, proxy-revalidate, must-understand, no-transform, only-if-cached, immutable", "immutable must-revalidate must-understand no-transform only-if-cached proxy-revalidate")
	f("stale-while-revalidate=5, stale-if-error=6, min-fresh=7, max-stale=8, s-maxage=9", "max-stale=8 min-fresh=7 s-maxage=9 stale-if-error=6 stale-while-revalidate=5")

	// "Cache directives are identified by a token, to be compared case-insensitively".
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2
	f("MaX-AgE=60, nO-StOrE", "max-age=60 no-store")

	// "For the directives defined below that define arguments, recipients ought to accept both forms".
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2
	f(`max-age="60"`, "max-age=60")
	f(`no-cache="Set-Cookie, X"`, "no-cache")
	f(`private=X`, "private")

	// "A cache MUST ignore unrecognized cache directives."
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.3
	f(`community="UCI", max-age=60, x=1, y`, "max-age=60")
	f(`extension="max-age=3600", max-age=1`, "max-age=1")
	f(`max-age=1, extension="max-age=3600"`, "max-age=1")
	f(`extension="a\", max-age=3600", max-age=1`, "max-age=1")
	f("max-ages=60, xmax-age=60, -max-age=60", "")

	// "A recipient MUST parse and ignore a reasonable number of empty list elements".
	// https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2
	f(",,\t, max-age=60 ,,", "max-age=60")

	// "If a cache receives a delta-seconds value greater than the greatest integer it can represent..., the cache MUST
	// consider the value to be 2147483648 (2^31) or the greatest positive integer it can conveniently represent."
	// https://www.rfc-editor.org/rfc/rfc9111#section-1.2.2
	f("max-age=2147483647", "max-age=2147483647")
	f("max-age=2147483648", "max-age=2147483648")
	f("max-age=2147483649", "max-age=2147483648")
	f("max-age="+strings.Repeat("9", 400), "max-age=2147483648")
	f("max-age="+strings.Repeat("9", 400)+"x", "max-age=0")
	f("max-age=003600", "max-age=3600")

	// "Caches are encouraged to consider responses that have invalid freshness information (e.g., a max-age directive
	// with non-integer content) to be stale." https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1
	for _, bad := range []string{"-5", "a100", "100a", "3600.0", "3600.5", "'3600'", "0x10", `"3600`, "+1", "1e3", "", `""`, `" 60"`, "60;x", "60 60", " 60", "٦"} {
		f("max-age="+bad, "max-age=0")
		f("s-maxage="+bad, "s-maxage=0")
		f("max-stale="+bad, "max-stale=0")
		f("min-fresh="+bad, "min-fresh=2147483648")
	}
	f("max-age", "max-age=0")
	f("max-age =60", "max-age=0")
	f("max-age = 60", "max-age=0")

	// "When there is more than one value present for a given directive..., either the first occurrence should be used
	// or the response should be considered stale." https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1
	f("max-age=1800, max-age=1", "max-age=1")
	f("max-age=1, max-age=1800", "max-age=1")
	f("max-age=60, max-age=x", "max-age=0")
	f("min-fresh=5, min-fresh=9", "min-fresh=9")
	f("max-stale, max-stale=5", "max-stale=5")

	// "If no value is assigned to max-stale, then the client will accept a stale response of any age."
	// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.2
	f("max-stale", "max-stale=2147483648")

	// What limits is not lost over its form, what allows counts only as it is defined.
	f("no-store=1, private=, must-revalidate=\"x\"", "must-revalidate no-store private")
	f("public=1, immutable=x, must-understand=\"\"", "")
	f("public no-store", "no-store")
	f("max-age=60; private", "max-age=0 private")
	f(`x="unclosed, no-store, max-age=60`, "no-store")
	f(`max-age=60, x="a" b private, public`, "max-age=60 private public")
	f(`max-age=60 "no-store, x", public`, "max-age=0 no-store public")
	f(`max-age=60 ", public`, "max-age=0 public")
}

func TestCacheControlLines(t *testing.T) {
	h := fields("cache-control: max-age=60", "X: no-store", "Cache-Control: private", "Cache-Control:", "CACHE-CONTROL: max-age=30")
	if got, want := words(CacheControl(h)), "max-age=30 private"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// cacheControlByRegexp reads Cache-Control in another way: it first looks where the members end, then at each of them.
func cacheControlByRegexp(s string) Directives {
	var d Directives
	limits := func(rest string) {
		for _, w := range regexp.MustCompile("[^!#$%&'*+.^_`|~0-9A-Za-z-]+").Split(rest, -1) {
			switch strings.ToLower(w) {
			case "no-store":
				d.Set |= NoStore
			case "no-cache":
				d.Set |= NoCache
			case "private":
				d.Set |= Private
			case "must-revalidate":
				d.Set |= MustRevalidate
			case "proxy-revalidate":
				d.Set |= ProxyRevalidate
			}
		}
	}
	member := regexp.MustCompile("^(?s)([!#$%&'*+.^_`|~0-9A-Za-z-]*)(?:(=)(?:(\"(?:[^\"\\\\]|\\\\.)*\")|(\")|([!#$%&'*+.^_`|~0-9A-Za-z-]*)))?")
	for s = strings.TrimLeft(s, ", \t"); s != ""; s = strings.TrimLeft(s, ", \t") {
		m := member.FindStringSubmatch(s)
		name, hasArg := strings.ToLower(m[1]), m[2] != ""
		end, unclosed := 0, m[4] != ""
		if unclosed {
			end = len(s)
		} else {
			end = regexp.MustCompile(`^(?s)(?:"(?:[^"\\]|\\.)*"|[^,])*`).FindStringIndex(s[len(m[0]):])[1] + len(m[0])
		}
		rest := strings.Trim(s[len(m[0]):end], " \t")
		broken := rest != "" || unclosed
		limits(rest)
		s = s[end:]
		arg := m[5]
		if m[3] != "" {
			arg = m[3][1 : len(m[3])-1]
		}
		for _, n := range setNames {
			if n.name != name {
				continue
			}
			if n.time == nil {
				if n.set&(Public|MustUnderstand|Immutable) == 0 || !hasArg && !broken {
					d.Set |= n.set
				}
				continue
			}
			v := int64(0)
			if n.set == MinFresh {
				v = 1 << 31
			}
			if !broken && hasArg && regexp.MustCompile(`^[0-9]+$`).MatchString(arg) {
				v = 1 << 31
				if x, err := strconv.ParseInt(arg, 10, 64); err == nil {
					v = min(v, x)
				}
			}
			if n.set == MaxStale && !hasArg && !broken {
				v = 1 << 31
			}
			to, w := n.time(&d), time.Duration(v)*time.Second
			if d.Has(n.set) {
				if n.set == MinFresh {
					w = max(w, *to)
				} else {
					w = min(w, *to)
				}
			}
			*to = w
			d.Set |= n.set
		}
	}
	return d
}

// FuzzCacheControl holds the parser against one made of regular expressions.
func FuzzCacheControl(f *testing.F) {
	for _, s := range []string{"max-age=60, private", `no-cache="a,b", x="\"", s-maxage=1`, `max-age="60`, "max-age =1;public no-store", `a"b,no-store"c,public`, `max-stale, min-fresh=x`, "public\x00no-store", `x=""private`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\r\n\x00") {
			return // no field has these
		}
		h := &exchange.Header{}
		h.AddKnown(exchange.CacheControl, s)
		if got, want := CacheControl(h), cacheControlByRegexp(s); got != want {
			t.Errorf("%q: got %q, want %q", s, words(got), words(want))
		}
	})
}
