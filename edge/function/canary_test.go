package function

import (
	"errors"
	"strings"
	"testing"
)

func TestParseShare(t *testing.T) {
	f := func(text string, want Share) {
		t.Helper()
		got, err := ParseShare(text)
		if want < 0 {
			if !errors.Is(err, ErrTrial) {
				t.Errorf("%q: %d, %v", text, got, err)
			}
			return
		}
		if err != nil || got != want {
			t.Errorf("%q: %d (%v), want %d", text, got, err, want)
		}
		if again, err := ParseShare(got.String()); err != nil || again != got {
			t.Errorf("%q is written %q, and read as %d (%v)", text, got, again, err)
		}
	}
	f("5%", 500)
	f(" 5 %", 500)
	f("0.25%", 25)
	f("0.3%", 30)
	f("100%", 10_000)
	f("0%", 0)
	f("5", -1)
	f("%", -1)
	f(".5%", -1)
	f("0.125%", -1)
	f("101%", -1)
	f("-1%", -1)
	f("1e1%", -1)
	f("99999999999%", -1)
}

func TestParseField(t *testing.T) {
	f := func(text, name, value string) {
		t.Helper()
		n, v, err := ParseField(text)
		if (err != nil) != (name == "") || err == nil && (n != name || v != value) {
			t.Errorf("%q: %q %q (%v)", text, n, v, err)
		}
	}
	f("X-Canary: 1", "X-Canary", "1")
	f("x:a b", "x", "a b")
	f("X-Canary", "", "")
	f("X-Canary:", "", "")
	f(": 1", "", "")
	f("X Canary: 1", "", "")
	f("X-Canary: 1\r\nB: 2", "", "")
	f("X-Canary: "+strings.Repeat("a", 300), "", "")
}

// A canary lasts, ends in each of its ways, and its module stays as long as it does.
func TestCanary(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 6)
	put := func(module string, activate bool) string {
		t.Helper()
		v, err := s.Put("o", "f", []byte(module), Version{}, activate)
		if err != nil {
			t.Fatal(err)
		}
		return v.Hash
	}
	try := func(hash string, want error) {
		t.Helper()
		if _, err := s.Try("o", "f", Canary{Version: hash, Share: 500, Budget: Budget{Rules: []Rule{{Of: Errors, Allowed: 100}}}}); !errors.Is(err, want) {
			t.Fatalf("try: %v, want %v", err, want)
		}
	}
	state := func(active, canary string, how How) {
		t.Helper()
		s = open(t, dir, 6)
		f, _ := s.Named("o", "f")
		got, ended := "", How("")
		if f.Canary != nil {
			got = f.Canary.Version
			if f.Canary.Share != 500 || f.Canary.Budget.String() != "errors 1%" || f.Canary.Began.IsZero() {
				t.Errorf("the canary has become %+v", f.Canary)
			}
		}
		if f.Ended != nil {
			ended = f.Ended.How
		}
		if f.Active != active || got != canary || ended != how {
			t.Errorf("active %.8s canary %.8s ended %q, want %.8s %.8s %q", f.Active, got, ended, active, canary, how)
		}
		if _, err := s.Code("o", "f", active); err != nil {
			t.Error(err)
		}
		if canary != "" {
			if _, err := s.Code("o", "f", canary); err != nil {
				t.Error(err)
			}
		}
	}
	a := put("a", false)
	try(a, ErrNoTrial) // there is nothing beside which it could be tried
	put("a", true)
	try(a, ErrNoTrial)
	try("00000000", ErrUnknown)
	b := put("b", false)
	try(b, nil)
	state(a, b, "")
	for _, litter := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		put(litter, false) // more than are kept
	}
	state(a, b, "")
	if _, err := s.Promote("o", "f"); err != nil {
		t.Error(err)
	}
	state(b, "", Promoted)
	if _, err := s.Promote("o", "f"); !errors.Is(err, ErrNoTrial) {
		t.Error(err)
	}
	c := put("c", false)
	try(c, nil)
	if _, err := s.EndCanary("o", "f", a, RolledBack, "why"); !errors.Is(err, ErrNoTrial) {
		t.Error("a canary was ended that is another:", err)
	}
	if v, err := s.EndCanary("o", "f", c, RolledBack, "why"); err != nil || v.Hash != b {
		t.Error(v, err)
	}
	state(b, "", RolledBack)
	if f, _ := s.Named("o", "f"); f.Ended.Why != "why" || f.Ended.Version != c {
		t.Errorf("%+v", f.Ended)
	}
	try(c, nil)
	d := put("d", false)
	try(d, nil) // in place of c
	state(b, d, Replaced)
	e := put("e", true) // for everybody
	state(e, "", Replaced)
	if _, err := s.Try("o", "f", Canary{Version: b}); !errors.Is(err, ErrTrial) {
		t.Error("a canary for nobody:", err)
	}
	try(d, nil)
	if _, err := s.Rollback("o", "f"); err != nil {
		t.Error(err)
	}
	state(b, "", Replaced)
}
