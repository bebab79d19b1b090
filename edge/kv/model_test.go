package kv

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// model is a naive store: maps and a clock, no file, no batches, no index of expiries.
type model struct {
	entries map[[3]string]Entry // owner, store, key
	version uint64              // the highest given
	now     time.Time
	quota   int64
}

func (m *model) live(k [3]string) (Entry, bool) {
	e, ok := m.entries[k]
	return e, ok && (e.Expires.IsZero() || e.Expires.After(m.now))
}

func (m *model) used(owner string) (u Usage) {
	for k, e := range m.entries {
		if _, ok := m.live(k); ok && k[0] == owner {
			u.Entries++
			u.Bytes += m.charge(k, e)
		}
	}
	return u
}

func (m *model) charge(k [3]string, e Entry) int64 {
	return int64(len(k[2])+len(e.Value)+len(e.Metadata)) + EntryOverhead
}

// put returns "" or the kind of refusal.
func (m *model) put(k [3]string, e Entry, ifVersion uint64, ifAbsent bool) string {
	old, found := m.live(k)
	if ifAbsent && found || ifVersion != 0 && (!found || old.Version != ifVersion) {
		return "conflict"
	}
	grow := m.charge(k, e)
	if found {
		grow -= m.charge(k, old)
	}
	if grow > 0 && m.used(k[0]).Bytes+grow > m.quota {
		return "quota"
	}
	m.entries[k] = e
	return ""
}

func (m *model) keys(owner, store, prefix string) (keys []string) {
	for k := range m.entries {
		if _, ok := m.live(k); ok && k[0] == owner && k[1] == store && strings.HasPrefix(k[2], prefix) {
			keys = append(keys, k[2])
		}
	}
	slices.Sort(keys)
	return keys
}

func refusal(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	if _, ok := errors.AsType[*ConflictError](err); ok {
		return "conflict"
	}
	if _, ok := errors.AsType[*QuotaError](err); ok {
		return "quota"
	}
	if errors.Is(err, ErrNotNumber) {
		return "number"
	}
	t.Fatal(err)
	return ""
}

// TestRandomHistories runs random operations on the store and on the model; both must agree on every answer, and the
// file's accounts on what is in the file. WEDGE_PROOF=1 runs a hundred times as many.
func TestRandomHistories(t *testing.T) {
	seeds := uint64(15)
	if os.Getenv("WEDGE_PROOF") == "1" {
		seeds *= 100
	}
	for seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { history(t, seed) })
	}
}

func history(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	clock := newClock()
	m := &model{entries: map[[3]string]Entry{}, now: clock.now(), quota: int64(500 + r.IntN(2000))}
	if seed%5 == 0 {
		m.quota = 1 << 40
	}
	path := filepath.Join(t.TempDir(), "kv.db")
	opt := Options{Now: clock.now, Quota: func(Owner) int64 { return m.quota }}
	db, err := Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { db.Close() }()
	var log []string
	note := func(format string, a ...any) { log = append(log, fmt.Sprintf(format, a...)) }
	defer func() {
		if t.Failed() {
			t.Logf("history:\n%s", strings.Join(log, "\n"))
		}
	}()
	agree := func(what string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("step %d, %s: %v, the model says %v", len(log), what, got, want)
		}
	}
	given := func(v uint64) {
		t.Helper()
		if v <= m.version {
			t.Fatalf("version %d after %d", v, m.version)
		}
		m.version = v
	}
	for range 120 {
		k := [3]string{fmt.Sprint("o", r.IntN(2)), fmt.Sprint("s", r.IntN(2)), "k" + strings.Repeat("y", r.IntN(5))}
		s := store(t, db, Owner(k[0]), StoreName(k[1]))
		key := []byte(k[2])
		ttl := time.Duration(r.IntN(4)) * time.Second
		var expires time.Time
		if ttl > 0 {
			expires = m.now.Add(ttl)
		}
		old, found := m.live(k)
		switch n := r.IntN(100); {
		case n < 35:
			e := Entry{Value: bytes.Repeat([]byte("v"), r.IntN(400)), Metadata: bytes.Repeat([]byte("m"), r.IntN(20)), Expires: expires}
			o := PutOptions{TTL: ttl, Metadata: e.Metadata, IfAbsent: r.IntN(5) == 0}
			if !o.IfAbsent && r.IntN(4) == 0 {
				o.IfVersion = max(old.Version, 1) + uint64(r.IntN(2))
			}
			note("put %v %d bytes %+v", k, len(e.Value), o)
			v, err := s.Put(t.Context(), key, e.Value, o)
			agree("put", refusal(t, err), m.put(k, e, o.IfVersion, o.IfAbsent))
			if err == nil {
				given(v)
				e.Version = v
				m.entries[k] = e
			}
		case n < 45:
			delta := int64(r.IntN(100) - 50)
			note("add %v %d %v", k, delta, ttl)
			e, want, sum := Entry{Expires: expires}, "", delta
			if found {
				n, err := strconv.ParseInt(string(old.Value), 10, 64)
				if err != nil {
					want = "number"
				}
				sum += n
				e.Expires, e.Metadata = old.Expires, old.Metadata
			}
			e.Value = strconv.AppendInt(nil, sum, 10)
			if want == "" {
				want = m.put(k, e, 0, false)
			}
			got, v, err := s.Add(t.Context(), key, delta, ttl)
			agree("add", refusal(t, err), want)
			if err == nil {
				agree("sum", got, sum)
				given(v)
				e.Version = v
				m.entries[k] = e
			}
		case n < 55:
			o := DeleteOptions{}
			if r.IntN(2) == 0 {
				o.IfVersion = max(old.Version, 1) + uint64(r.IntN(2))
			}
			note("delete %v %+v", k, o)
			existed, err := s.Delete(t.Context(), key, o)
			want := ""
			if o.IfVersion != 0 && (!found || o.IfVersion != old.Version) {
				want = "conflict"
			}
			agree("delete", refusal(t, err), want)
			if want == "" {
				agree("existed", existed, found)
				delete(m.entries, k)
			}
		case n < 75:
			note("get %v", k)
			var e Entry
			ok, err := s.Get(key, &e)
			agree("get", err, error(nil))
			agree("found", ok, found)
			if found {
				agree("entry", fmt.Sprintf("%s %s %d %v", e.Value, e.Metadata, e.Version, e.Expires),
					fmt.Sprintf("%s %s %d %v", old.Value, old.Metadata, old.Version, old.Expires))
			}
		case n < 82:
			limit := 1 + r.IntN(4)
			note("list %v by %d", k, limit)
			var keys []string
			for cursor := ""; ; {
				p, err := s.List(key, cursor, limit)
				agree("list", err, error(nil))
				for _, e := range p.Entries {
					keys = append(keys, string(e.Key))
					w := m.entries[[3]string{k[0], k[1], string(e.Key)}]
					agree("listed", fmt.Sprint(e.Version, e.Size, e.Expires), fmt.Sprint(w.Version, len(w.Value), w.Expires))
				}
				if cursor = p.Next; cursor == "" {
					break
				}
			}
			agree("keys", keys, m.keys(k[0], k[1], k[2]))
		case n < 90:
			d := time.Duration(r.IntN(2000)) * time.Millisecond
			note("advance %v", d)
			clock.advance(d)
			m.now = clock.now()
		case n < 94:
			note("sweep")
			if _, err := db.Sweep(t.Context(), m.now, 1000); err != nil {
				t.Fatal(err)
			}
			for _, o := range []string{"o0", "o1"} {
				u, err := db.Usage(Owner(o))
				agree("usage error", err, error(nil))
				agree("usage", u, m.used(o))
			}
		case n < 95:
			note("drop %v", k)
			keys := m.keys(k[0], k[1], "")
			n, err := s.Drop(t.Context())
			agree("drop", err, error(nil))
			agree("dropped", n, len(keys))
			for _, key := range keys {
				delete(m.entries, [3]string{k[0], k[1], key})
			}
		case n < 97:
			note("export and import %v", k)
			var out bytes.Buffer
			n, err := s.Export(t.Context(), &out)
			agree("export", err, error(nil))
			agree("exported", n, len(m.keys(k[0], k[1], "")))
			sum, err := s.Import(t.Context(), &out)
			agree("import", err, error(nil))
			agree("imported", sum, Imported{Unchanged: n})
		default:
			note("reopen")
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if db, err = Open(path, opt); err != nil {
				t.Fatal(err)
			}
		}
		audit(t, db)
	}
}
