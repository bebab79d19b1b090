package cases

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/wedgecdn/wedge/edge/node"
)

// told is what the node tells of one request, beside its response. mu guards all of it: the node's goroutines write it.
type told struct {
	mu       sync.Mutex
	fuel     int64
	key      []node.KeyPart
	counters []node.Counter // in the order in which they were first asked
}

func (t *told) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fuel, t.key, t.counters = 0, nil, nil
}

func (t *told) called(_, _ string, fuel int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fuel += fuel
}

func (t *told) looked(parts []node.KeyPart) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.key = parts
}

func (t *told) counted(key []byte, window time.Duration, sum int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.counters {
		if c := &t.counters[i]; c.Key == string(key) && c.Window == window {
			c.Sum = sum
			return
		}
	}
	t.counters = append(t.counters, node.Counter{Key: string(key), Window: window, Sum: sum})
}

// sections are what t tells of a request, as far as asked names it; what the function counted is told always.
func (t *told) sections(asked []string) (made []section) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.counters) > 0 {
		var b strings.Builder
		for _, c := range t.counters {
			b.WriteString(counterText(c))
		}
		made = append(made, section{name: "counters after", text: b.String()})
	}
	for _, name := range asked {
		if name == "key" {
			made = append(made, section{name: name, text: keyText(t.key)})
			continue
		}
		if most, _ := fuelBound(name); t.fuel > most {
			name = fmt.Sprint(fuelAtMost, t.fuel)
		}
		made = append(made, section{name: name})
	}
	return made
}

// keyText has the parts that a conversation can know: its owner and site are always the same, and a version's name is another
// one whenever the function changes.
func keyText(parts []node.KeyPart) string {
	if len(parts) == 0 {
		return "none: the request passes the cache\n"
	}
	var b strings.Builder
	for _, p := range parts {
		switch {
		case p.Kind == "owner", p.Kind == "site":
		case p.Kind == "version":
			b.WriteString("version: the function's\n")
		case p.Name != "":
			fmt.Fprintf(&b, "%s %s: %s\n", p.Kind, printable(p.Name), printable(p.Value))
		default:
			fmt.Fprintf(&b, "%s: %s\n", p.Kind, printable(p.Value))
		}
	}
	return b.String()
}

// printable quotes what would not stand on a line as it is.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// mostEntries is how many entries of a store are told.
const mostEntries = 1000

// storeText is all that a store holds.
func (r *run) storeText(ctx context.Context, store string) (string, error) {
	page, err := r.client.Keys(ctx, "", store, "", "", mostEntries)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, k := range page.V.Keys {
		name := string(k.Key)
		e, err := r.client.Value(ctx, "", store, name)
		if err != nil {
			return "", err
		}
		left := ""
		if !e.Expires.IsZero() {
			left = " (" + shortest(e.Expires.Sub(r.clock.read()).Round(time.Second)) + " left)"
		}
		fmt.Fprintf(&b, "%s%s: %s\n", printable(name), left, printable(string(e.Value)))
	}
	return b.String(), nil
}

// stores are the sections that tell what the last request has changed in the stores.
func (r *run) stores(ctx context.Context) (made []section, err error) {
	for _, s := range r.c.sections {
		store := storeOf(s.name)
		if store == "" || slices.ContainsFunc(made, func(m section) bool { return storeAfter(m.name) == store }) {
			continue
		}
		text, err := r.storeText(ctx, store)
		if err != nil {
			return nil, err
		}
		if text != r.held[store] {
			made = append(made, section{name: "kv " + store + " after", text: text})
		}
		r.held[store] = text
	}
	return made, nil
}
