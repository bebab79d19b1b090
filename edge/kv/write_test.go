package kv

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func wantConflict(t *testing.T, err error, current uint64) {
	t.Helper()
	c, ok := errors.AsType[*ConflictError](err)
	if !ok || c.Current != current {
		t.Errorf("error %v; want a conflict with version %d", err, current)
	}
}

func TestConditions(t *testing.T) {
	clock := newClock()
	db := open(t, Options{Now: clock.now})
	s := store(t, db, "o", "s")
	key := []byte("k")
	try := func(o PutOptions) (uint64, error) { return s.Put(t.Context(), key, []byte("x"), o) }

	_, err := try(PutOptions{IfVersion: 7})
	wantConflict(t, err, 0)
	v1, err := try(PutOptions{IfAbsent: true, TTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	_, err = try(PutOptions{IfAbsent: true})
	wantConflict(t, err, v1)
	_, err = try(PutOptions{IfVersion: v1 + 1})
	wantConflict(t, err, v1)
	v2, err := try(PutOptions{IfVersion: v1, TTL: time.Second})
	if err != nil || v2 <= v1 {
		t.Fatal(v2, err)
	}
	_, err = s.Delete(t.Context(), key, DeleteOptions{IfVersion: v1})
	wantConflict(t, err, v2)

	// An expired entry is no entry.
	clock.advance(time.Second)
	_, err = try(PutOptions{IfVersion: v2})
	wantConflict(t, err, 0)
	v3, err := try(PutOptions{IfAbsent: true})
	if err != nil || v3 <= v2 {
		t.Fatal(v3, err)
	}

	// A version never comes back, so a delete and a put in between do not fool compare-and-swap.
	if existed, err := s.Delete(t.Context(), key, DeleteOptions{IfVersion: v3}); !existed || err != nil {
		t.Fatal(existed, err)
	}
	v4 := put(t, s, "k", "x", PutOptions{})
	_, err = try(PutOptions{IfVersion: v3})
	wantConflict(t, err, v4)
	_, err = s.Delete(t.Context(), []byte("none"), DeleteOptions{IfVersion: v3})
	wantConflict(t, err, 0)
	if existed, err := s.Delete(t.Context(), []byte("none"), DeleteOptions{}); existed || err != nil {
		t.Error(existed, err)
	}
	audit(t, db)
}

func TestExpiry(t *testing.T) {
	clock := newClock()
	db := open(t, Options{Now: clock.now})
	s := store(t, db, "o", "s")
	put(t, s, "ttl", "v", PutOptions{TTL: 1500 * time.Microsecond}) // 2 ms: never less than promised
	put(t, s, "at", "v", PutOptions{Expires: clock.now().Add(time.Minute)})
	put(t, s, "ever", "v", PutOptions{})
	clock.advance(1999 * time.Microsecond)
	e := wantValue(t, s, "ttl", "v")
	if want := newClock().now().Add(2 * time.Millisecond); !e.Expires.Equal(want) {
		t.Errorf("expires %v, want %v", e.Expires, want)
	}
	clock.advance(time.Microsecond)
	wantValue(t, s, "ttl", "")
	clock.advance(time.Minute - 2*time.Millisecond - 1)
	wantValue(t, s, "at", "v")
	clock.advance(1)
	wantValue(t, s, "at", "")
	if e := wantValue(t, s, "ever", "v"); !e.Expires.IsZero() {
		t.Errorf("expires %v, want never", e.Expires)
	}
	if u, err := db.Usage("o"); err != nil || u.Entries != 3 {
		t.Errorf("usage %+v, %v: nothing was written, 3 entries are in the file", u, err)
	}
	// The two reads that met them are enough: the next commit passes by and takes them along.
	put(t, s, "next", "v", PutOptions{})
	if u, err := db.Usage("o"); err != nil || u.Entries != 2 {
		t.Errorf("usage %+v, %v: want 2 entries", u, err)
	}
	// A put without expiry lifts the old one.
	put(t, s, "next", "v", PutOptions{TTL: time.Second})
	put(t, s, "next", "w", PutOptions{})
	clock.advance(time.Hour)
	wantValue(t, s, "next", "w")
	audit(t, db)
}

func TestAdd(t *testing.T) {
	clock := newClock()
	db := open(t, Options{Now: clock.now})
	s := store(t, db, "o", "s")
	f := func(key string, delta int64, want int64) {
		t.Helper()
		sum, v, err := s.Add(t.Context(), []byte(key), delta, 0)
		if err != nil || sum != want {
			t.Fatalf("add %d to %s: %d, %v; want %d", delta, key, sum, err, want)
		}
		var e Entry
		if found, err := s.Get([]byte(key), &e); !found || err != nil || e.Version != v {
			t.Errorf("version %d, %v; want %d", e.Version, err, v)
		}
	}
	bad := func(key string, delta int64, want error) {
		t.Helper()
		before, err := s.List([]byte(key), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Add(t.Context(), []byte(key), delta, 0); !errors.Is(err, want) {
			t.Errorf("add %d to %s: %v; want %v", delta, key, err, want)
		}
		if after, _ := s.List([]byte(key), "", 0); after.Entries[0].Version != before.Entries[0].Version {
			t.Errorf("%s: a refused addition changed the entry", key)
		}
	}
	f("n", 5, 5)
	f("n", -7, -2)
	f("n", 0, -2)
	wantValue(t, s, "n", "-2")
	put(t, s, "text", "007", PutOptions{})
	f("text", 1, 8)
	wantValue(t, s, "text", "8")

	f("max", math.MaxInt64, math.MaxInt64)
	bad("max", 1, ErrOverflow)
	f("max", math.MinInt64, -1)
	f("min", math.MinInt64, math.MinInt64)
	bad("min", -1, ErrOverflow)
	bad("min", math.MinInt64, ErrOverflow)
	f("min", math.MaxInt64, -1)

	for _, v := range []string{"", "x", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "1_0", "9223372036854775808", strings.Repeat("0", 70)} {
		put(t, s, "bad", v, PutOptions{})
		bad("bad", 1, ErrNotNumber)
	}

	// Time to live counts when the entry is made; an addition keeps what is there.
	add := func(want int64) {
		t.Helper()
		if sum, _, err := s.Add(t.Context(), []byte("window"), 1, time.Minute); err != nil || sum != want {
			t.Errorf("sum %d, %v; want %d", sum, err, want)
		}
	}
	add(1)
	clock.advance(59 * time.Second)
	add(2)
	clock.advance(time.Second)
	add(1)
	put(t, s, "meta", "1", PutOptions{Metadata: []byte("m"), TTL: time.Hour})
	f("meta", 1, 2)
	if e := wantValue(t, s, "meta", "2"); string(e.Metadata) != "m" || !e.Expires.Equal(clock.now().Add(time.Hour)) {
		t.Errorf("metadata %q, expires %v", e.Metadata, e.Expires)
	}
	audit(t, db)
}

func TestQuota(t *testing.T) {
	clock := newClock()
	quota := int64(3 * (EntryOverhead + 11))
	db := open(t, Options{Now: clock.now, Quota: func(o Owner) int64 {
		if o == "free" {
			return 0
		}
		return quota
	}})
	s := store(t, db, "o", "s")
	over := func(key string, size int, used, need int64) {
		t.Helper()
		_, err := s.Put(t.Context(), []byte(key), make([]byte, size), PutOptions{})
		q, ok := errors.AsType[*QuotaError](err)
		if !ok || *q != (QuotaError{"o", used, need, quota}) {
			t.Errorf("error %v; want a quota of %d, %d used, %d needed", err, quota, used, need)
		}
	}
	put(t, s, "a", "0123456789", PutOptions{TTL: time.Minute})
	put(t, s, "b", "0123456789", PutOptions{})
	put(t, s, "c", "0123456789", PutOptions{})
	over("d", 0, quota, EntryOverhead+1)
	over("c", 11, quota, 1)
	put(t, s, "c", "9876543210", PutOptions{})
	put(t, s, "c", "987654321", PutOptions{})
	if _, _, err := s.Add(t.Context(), []byte("n"), 1, 0); err == nil {
		t.Error("add passed over the quota")
	}
	put(t, store(t, db, "other", "s"), "d", "0123456789", PutOptions{})
	put(t, store(t, db, "free", "s"), "d", strings.Repeat("x", 10000), PutOptions{})

	// What has expired makes room at once, whether or not anybody read or swept it.
	clock.advance(time.Minute)
	put(t, s, "d", "0123456789", PutOptions{})
	over("e", 10, quota-1, EntryOverhead+11)

	// A lowered quota refuses growth and lets the owner shrink.
	quota = 10
	over("c", 10, 3*(EntryOverhead+11)-1, 1)
	put(t, s, "c", "x", PutOptions{})
	if _, err := s.Delete(t.Context(), []byte("c"), DeleteOptions{}); err != nil {
		t.Error(err)
	}
	audit(t, db)
}

func TestEvents(t *testing.T) {
	clock := newClock()
	var got []string
	var s Store
	var commits []Commit
	opt := Options{Now: clock.now, Events: Events{
		Put: func(o Owner, n StoreName, bytes int) {
			s.Get([]byte("k"), new(Entry)) // no transaction and no lock is held
			got = append(got, "put "+string(o)+" "+string(n)+strings.Repeat(" x", bytes))
		},
		Delete: func(o Owner, n StoreName, count int) {
			got = append(got, "delete "+string(o)+" "+string(n)+strings.Repeat(" 1", count))
		},
		Expire: func(o Owner, n int) { got = append(got, "expire "+string(o)+strings.Repeat(" 1", n)) },
		Commit: func(c Commit) { commits = append(commits, c) },
	}}
	db := open(t, opt)
	s = store(t, db, "o", "s")
	want := func(words ...string) {
		t.Helper()
		db.NextSequence(t.Context()) // its commit comes after the events of the one before
		if strings.Join(got, ", ") != strings.Join(words, ", ") {
			t.Errorf("events %q, want %q", got, words)
		}
		got = nil
	}
	put(t, s, "k", "v", PutOptions{TTL: time.Second})
	want("put o s x")
	s.Put(t.Context(), []byte("k"), nil, PutOptions{IfAbsent: true})
	want()
	s.Delete(t.Context(), []byte("none"), DeleteOptions{})
	want()
	clock.advance(time.Second)
	if n, err := db.Sweep(t.Context(), clock.now(), 10); n != 1 || err != nil {
		t.Error(n, err)
	}
	want("expire o 1")
	put(t, s, "a", "v", PutOptions{})
	put(t, s, "b", "v", PutOptions{})
	s.Drop(t.Context())
	want("put o s x", "put o s x", "delete o s 1 1")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, c := range commits {
		if c.Ops != 1 || c.Duration <= 0 || c.Err != nil {
			t.Errorf("commit %+v", c)
		}
		refused += c.Refused
	}
	if len(commits) != 12 || refused != 1 {
		t.Errorf("%d commits with %d refusals, want 12 with 1", len(commits), refused)
	}
}
