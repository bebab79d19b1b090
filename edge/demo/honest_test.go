package demo

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// plays plays the steps of these names on an empty cache and returns those that differed.
func (d *Demo) plays(t *testing.T, names ...string) (differ []string, text string) {
	t.Helper()
	if _, err := d.operator.do(t.Context(), http.MethodPost, "/v1/purge", []byte(`{"all": true}`)); err != nil {
		t.Fatal(err)
	}
	var some []step
	for _, st := range steps {
		if slices.Contains(names, st.name) {
			some = append(some, st)
		}
	}
	if len(some) != len(names) {
		t.Fatalf("the tour has no steps %q", names)
	}
	var out bytes.Buffer
	err := d.play(t.Context(), &printer{w: &out}, some)
	if wrong := (*Differs)(nil); errors.As(err, &wrong) {
		for _, st := range some {
			if strings.Contains(err.Error(), "("+st.name+")") {
				differ = append(differ, st.name)
			}
		}
		if len(differ) != len(wrong.Steps) {
			t.Errorf("%q does not name the steps", err)
		}
	} else if err != nil {
		t.Fatal(err)
	}
	return differ, out.String()
}

// The tour believes nothing: with something else behind the same requests, it says which step went otherwise.
func TestTourIsHonest(t *testing.T) {
	needsExamples(t)
	d := open(t)
	file := d.folder.file("wedge.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	apply := func(text string) {
		t.Helper()
		if _, err := d.operator.do(t.Context(), http.MethodPut, "/v1/config", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	// f plays a step as it should be, unless that has been done, and then with a sabotage.
	fine := map[string]bool{}
	f := func(name, what string, sabotage, repair func()) {
		t.Helper()
		if !fine[name] {
			if differ, text := d.plays(t, name); len(differ) != 0 {
				t.Errorf("before %s, %q was not as told:\n%s", what, name, text)
			}
			fine[name] = true
		}
		sabotage()
		differ, text := d.plays(t, name)
		repair()
		if !slices.Equal(differ, []string{name}) || !strings.Contains(text, "otherwise: ") {
			t.Errorf("with %s, %q was as told:\n%s", what, name, text)
		}
	}
	config := func(name, what, old, new string) {
		t.Helper()
		text := strings.Replace(string(good), old, new, 1)
		if text == string(good) {
			t.Fatalf("wedge.yaml has no %q", old)
		}
		f(name, what, func() { apply(text) }, func() { apply(string(good)) })
	}
	const site = "functions: [kv-redirects, cache-key, headers]"
	config("a redirect is edited", "kv-redirects unbound", site, "functions: [cache-key, headers]")
	config("five spellings of one page", "cache-key unbound", site, "functions: [kv-redirects, headers]")
	config("phones and desktops", "cache-key unbound", site, "functions: [kv-redirects, headers]")
	config("what the origin should not say", "headers unbound", site, "functions: [kv-redirects, cache-key]")
	config("two first pages", "ab-routing unbound", "functions: [ab-routing]", "functions: []")
	config("two first pages", "both cohorts at one origin", "origin_coast: lights-b", "origin_coast: lights-a")
	config("who may read the log", "auth unbound", "functions: [auth]", "functions: []")
	config("who may read the log", "another audience", "audience: keepers", "audience: gulls")
	config("a miss, then hits", "the cache off", "    origin: lights-a\n    functions: [kv", "    origin: lights-a\n    cache: {mode: pass}\n    functions: [kv")
	config("twelve at once", "the cache off", "    origin: lights-a\n    functions: [kv", "    origin: lights-a\n    cache: {mode: pass}\n    functions: [kv")
	config("purge by tag", "the cache off", "    origin: lights-a\n    functions: [kv", "    origin: lights-a\n    cache: {mode: pass}\n    functions: [kv")
	config("the origin dies", "the cache off", "    origin: lights-a\n    functions: [kv", "    origin: lights-a\n    cache: {mode: pass}\n    functions: [kv")
	config("a function that never ends", "spin unbound", "functions: [spin]", "functions: []")

	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, o := t.Context(), d.operator
	config("new weights", "weights from elsewhere", "experiment: front, ", "experiment: front, weights: night=1, store: empty, ")
	f("two first pages", "a store that has one cohort", func() { must(o.put(ctx, "ab", "front", "night=100")) }, func() { must(d.seed(ctx)) })
	f("a key is revoked", "the key gone from the store", func() { must(o.delete(ctx, "api-keys", d.hashedKey())) }, func() { must(d.seed(ctx)) })
	f("a redirect is edited", "a rule changed", func() { must(o.put(ctx, "redirects", "/lighthouses/*", "302 /lights/*")) }, func() { must(d.seed(ctx)) })
	f("a function that never ends", "a function that ends", func() { d.spinner = harmless }, func() { d.spinner = spinner })
	f("the origin dies", "an origin that lives", func() { d.deathless = true }, func() { d.deathless = false })
}

// harmless is the spinner without its loop: nop, nop, nop, nop, nop in its place.
var harmless = bytes.Replace(spinner, []byte("\x03\x40\x0c\x00\x0b"), []byte("\x01\x01\x01\x01\x01"), 1)

func TestTourEndsWithItsContext(t *testing.T) {
	d := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Tour(ctx, &bytes.Buffer{}, false); !errors.Is(err, context.Canceled) {
		t.Errorf("a tour that was cancelled: %v", err)
	}
}
