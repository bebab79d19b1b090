package policy

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func TestTargeted(t *testing.T) {
	f := func(want string, values ...string) {
		t.Helper()
		h := &exchange.Header{}
		for _, v := range values {
			h.Add("CDN-Cache-Control", v)
		}
		d, ok := Targeted(h, "cdn-cache-control")
		got := words(d)
		if !ok {
			got = "ignored"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", values, got, want)
		}
	}
	f("max-age=60", "max-age=60")
	f("max-age=60 must-revalidate", "max-age=60, must-revalidate")
	f("max-age=60 private", "  max-age=60\t,\tprivate  ")
	f("max-age=60 no-store", "max-age=60", "no-store")
	f("", "none")
	f("immutable must-understand public", "public, must-understand=?1, immutable;x")
	f("stale-if-error=7 stale-while-revalidate=6", "stale-while-revalidate=6, stale-if-error=7")
	f("max-age=2147483648", "max-age=2147483649")
	f("max-age=2147483648", "max-age=99999999999")
	f("max-age=0", "max-age=-5")

	// "Parameters received on cache directives are to be ignored, unless other handling is explicitly specified."
	// https://www.rfc-editor.org/rfc/rfc9213#section-2.1
	f("max-age=60 no-store", `max-age=60;a;b=1;c="x;y, z", no-store;x=?0`)

	// "If a targeted field in a given response is empty, or a parsing error is encountered, that field MUST be ignored by
	// the cache". https://www.rfc-editor.org/rfc/rfc9213#section-2.1
	f("ignored")
	f("ignored", "")
	f("ignored", "  ")
	f("ignored", "max-age=60", "")
	for _, bad := range []string{"max-age=60,", ",max-age=60", "max-age=60,,private", "max-age=60, &&&&&", "Max-Age=60", "max-age=", "max-age =60", "max-age= 60",
		"max-age=60 private", "max-age=60; private, X", "max-age=1234567890123456", "max-age=1.2345", "max-age=1234567890123.1", "max-age=1.", "max-age=.5", "max-age=--1", `max-age="60`,
		`x="\a"`, "x=\"\u00e9\"", "x=:a", "x=:?:", "x=?2", "x=?", "x=(1 2", "x=(1,2)", `x=(1"a")`, "x;=1", "x;A", "x=@1", `x="a\\`, `x="a`, "x=\"\x7f\"", "x=:", "x=;a", "x;", "x;a=", "x;a=@", "x=(@)", "x=(1;A)", "x=(1", "x=-", "x=-a", "x=1234567890123.0", "x=1.1234", "0x=1", "-x", "x=[", "x=\x7f", "\tmax-age=60", "max-age=60\x7f"} {
		f("ignored", bad)
	}
	for _, good := range []string{"max-age=60\t", "x=(1 2.5 tok \"s\";p :YQ==: ?1);q, max-age=60", "x=(), max-age=60", "x=*a/b:c, max-age=60", "*=1;*, max-age=60", "x=-1.5, max-age=60", "az09_-.*=az09AZ/:!, z, max-age=60", "x=Az, y=Zz, y=zz, max-age=60", "x=123456789012345, max-age=60", "x=123456789012.129, y=0.009, z=-0.9, max-age=60",
		"x=:azAZ09+/=:, max-age=60", `x=" ~!", max-age=60`, "a1, b9, c_0, max-age=60"} {
		f("max-age=60", good)
	}

	// "Implementations SHOULD NOT consume values that violate these inferred constraints."
	// https://www.rfc-editor.org/rfc/rfc9213#section-2.1
	for _, bad := range []string{"1.5", `"60"`, "x", "?1", ":YQ==:", "(60)"} {
		f("", "max-age="+bad)
		f("s-maxage=5", "s-maxage=5, stale-while-revalidate="+bad)
	}
	f("", "max-age")
	f("", "public=1, must-understand=x, immutable=?0")
	f("", "only-if-cached, max-stale=1, min-fresh=1")
	f("no-cache no-store private", `private="a, b", no-store=1, no-cache=("x")`)
	f("", "private=?0, no-store=?0")

	// "Note that when duplicate Dictionary keys are encountered, all but the last instance are ignored."
	// https://www.rfc-editor.org/rfc/rfc8941#section-4.2.2
	f("max-age=1", "max-age=60, max-age=1")
	f("max-age=60", "max-age=1, max-age=60")
	f("max-age=60", "max-age=1", "max-age=60")
	f("", "max-age=60, max-age=x")
	f("", "no-store, no-store=?0")
}

// dictionaryByTheBook is the algorithm of RFC 8941 §4.2.2, in its own steps, on a string that gets shorter.
func dictionaryByTheBook(s string) (map[string]any, error) {
	fail := errors.New("fail parsing")
	in := strings.TrimLeft(s, " ")
	take := func(re string) string {
		m := regexp.MustCompile("^(?:" + re + ")").FindString(in)
		in = in[len(m):]
		return m
	}
	starts := func(p string) bool { return strings.HasPrefix(in, p) }
	bare := func() (any, error) {
		switch {
		case regexp.MustCompile(`^[-0-9]`).MatchString(in):
			n := take(`-?[0-9]+(\.[0-9]*)?`)
			whole, fraction, decimal := strings.Cut(strings.TrimPrefix(n, "-"), ".")
			switch {
			case n == "", !decimal && len(whole) > 15, decimal && (len(whole) > 12 || fraction == "" || len(fraction) > 3):
				return nil, fail
			case decimal:
				return strconv.ParseFloat(n, 64)
			}
			return strconv.ParseInt(n, 10, 64)
		case starts(`"`):
			if m := take(`"(?:[ !#-\[\]-~]|\\"|\\\\)*"`); m != "" {
				return m, nil
			}
		case starts(":"):
			if m := take(`:[A-Za-z0-9+/=]*:`); m != "" {
				return []byte(m), nil
			}
		case starts("?"):
			if m := take(`\?[01]`); m != "" {
				return m == "?1", nil
			}
		default:
			if m := take("[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"); m != "" {
				return []rune(m), nil
			}
		}
		return nil, fail
	}
	const key = `[a-z*][a-z0-9_.*-]*`
	params := func() error {
		for starts(";") {
			take("; *")
			if take(key) == "" {
				return fail
			}
			if starts("=") {
				take("=")
				if _, err := bare(); err != nil {
					return err
				}
			}
		}
		return nil
	}
	item := func() (any, error) {
		v, err := bare()
		if err == nil {
			err = params()
		}
		return v, err
	}
	value := func() (any, error) {
		if !starts("(") {
			return item()
		}
		take(`\(`)
		for in != "" {
			take(" *")
			if starts(")") {
				take(`\)`)
				return []any{}, params()
			}
			if _, err := item(); err != nil {
				return nil, err
			}
			if !starts(" ") && !starts(")") {
				return nil, fail
			}
		}
		return nil, fail
	}
	dict := map[string]any{}
	for in != "" {
		k := take(key)
		if k == "" {
			return nil, fail
		}
		var v any = true
		var err error
		if starts("=") {
			take("=")
			v, err = value()
		} else {
			err = params()
		}
		if err != nil {
			return nil, err
		}
		dict[k] = v
		take("[ \t]*")
		if in == "" {
			return dict, nil
		}
		if take(",") == "" {
			return nil, fail
		}
		take("[ \t]*")
		if in == "" {
			return nil, fail
		}
	}
	return dict, nil
}

// FuzzTargeted holds the parser against the algorithm of the specification.
func FuzzTargeted(f *testing.F) {
	for _, s := range []string{"max-age=60, no-store", "max-age=60;a=1, private;b", `x="a\"b", max-age=5`, "x=(1 2.5 a);q, max-age=60", "x=:YQ==:, max-age=-60", "no-store=?0, private=?1, max-age=1.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h := &exchange.Header{}
		h.AddKnown(exchange.CDNCacheControl, s)
		got, ok := Targeted(h, "cdn-cache-control")
		dict, err := dictionaryByTheBook(s)
		if wantOK := err == nil && len(dict) > 0; ok != wantOK {
			t.Fatalf("%q: valid is %v, want %v (%v)", s, ok, wantOK, err)
		}
		if !ok {
			return
		}
		var want Directives
		for _, n := range setNames {
			v, there := dict[n.name]
			b, isBool := v.(bool)
			i, isInt := v.(int64)
			switch {
			case !there || n.set&(MaxStale|MinFresh|OnlyIfCached) != 0:
			case n.time != nil:
				if isInt {
					want.Set |= n.set
					*n.time(&want) = time.Duration(min(max(i, 0), 1<<31)) * time.Second
				}
			case n.set&(Public|MustUnderstand|Immutable) != 0:
				if isBool && b {
					want.Set |= n.set
				}
			case !isBool || b:
				want.Set |= n.set
			}
		}
		if words(got) != words(want) {
			t.Errorf("%q: got %q, want %q", s, words(got), words(want))
		}
	})
}
