package kv

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestList(t *testing.T) {
	clock := newClock()
	db := open(t, Options{Now: clock.now})
	s := store(t, db, "o", "s")
	for _, k := range []string{"a", "a/1", "a/2", "a/20", "b", "\xff", "\xff\xff"} {
		put(t, s, k, "value of "+k, PutOptions{Metadata: []byte("m" + k)})
	}
	put(t, s, "a/gone", "x", PutOptions{TTL: time.Second})
	clock.advance(time.Second)
	put(t, store(t, db, "o", "t"), "a/other", "x", PutOptions{})
	f := func(prefix, want string) {
		t.Helper()
		for _, limit := range []int{1, 2, 3, 0, 5000} {
			var got []string
			cursor := ""
			for {
				p, err := s.List([]byte(prefix), cursor, limit)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range p.Entries {
					got = append(got, string(e.Key))
					if string(e.Metadata) != "m"+string(e.Key) || e.Size != len("value of ")+len(e.Key) || e.Version == 0 || !e.Expires.IsZero() {
						t.Errorf("entry %+v", e)
					}
				}
				if cursor = p.Next; cursor == "" {
					break
				}
			}
			if s := strings.Join(got, " "); s != want {
				t.Errorf("prefix %q by %d: %q, want %q", prefix, limit, s, want)
			}
		}
	}
	f("", "a a/1 a/2 a/20 b \xff \xff\xff")
	f("a", "a a/1 a/2 a/20")
	f("a/2", "a/2 a/20")
	f("c", "")
	f("\xff", "\xff \xff\xff")
	f("\x00", "")
}

func TestListIsStableUnderChange(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	for i := range 10 {
		put(t, s, fmt.Sprint(i), "v", PutOptions{})
	}
	p, err := s.List(nil, "", 5)
	if err != nil || len(p.Entries) != 5 {
		t.Fatal(p, err)
	}
	for _, k := range []string{"0", "4", "6"} { // the cursor's own key as well
		if _, err := s.Delete(t.Context(), []byte(k), DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, "45", "v", PutOptions{})
	put(t, s, "3a", "v", PutOptions{})
	p, err = s.List(nil, p.Next, 0)
	if err != nil || p.Next != "" {
		t.Fatal(p, err)
	}
	var got []string
	for _, e := range p.Entries {
		got = append(got, string(e.Key))
	}
	if s := strings.Join(got, " "); s != "45 5 7 8 9" {
		t.Errorf("second page: %s", s)
	}
}

func TestListPassesOverManyExpired(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 10 050 entries")
	}
	clock := newClock()
	db := open(t, Options{Now: clock.now})
	s := store(t, db, "o", "s")
	var in bytes.Buffer
	for i := range listWork + 50 {
		fmt.Fprintf(&in, `{"key":"%05d","value":"","expires":"2030-01-01T00:00:01Z"}`+"\n", i)
	}
	if sum, err := s.Import(t.Context(), &in); err != nil || sum.Written != listWork+50 {
		t.Fatal(sum, err)
	}
	put(t, s, "x", "v", PutOptions{})
	clock.advance(time.Second)
	p, err := s.List(nil, "", 0)
	if err != nil || len(p.Entries) != 0 || p.Next == "" {
		t.Fatalf("first page: %d entries, next %q, %v: want none and a cursor", len(p.Entries), p.Next, err)
	}
	p, err = s.List(nil, p.Next, 0)
	if err != nil || len(p.Entries) != 1 || p.Next != "" {
		t.Fatalf("second page: %d entries, next %q, %v", len(p.Entries), p.Next, err)
	}
	// The sweep is bounded as well, and its bound is exact: what the listing had noted went with its first commit.
	for _, want := range []int{3000, listWork + 50 - 3000 - staleMax, 0} {
		n, err := db.Sweep(t.Context(), clock.now(), max(want, 1))
		if err != nil || n != want {
			t.Fatalf("swept %d, %v; want %d", n, err, want)
		}
	}
	if u, err := db.Usage("o"); err != nil || u.Entries != 1 {
		t.Errorf("usage %+v, %v", u, err)
	}
	audit(t, db)
}

func TestCursor(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	f := func(prefix, cursor, words string) {
		t.Helper()
		_, err := s.List([]byte(prefix), cursor, 0)
		wantError(t, err, words)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%v is no ErrInvalid", err)
		}
	}
	f("", "?", "none of ours")
	f("", "AQ", "none of ours")   // no key
	f("", "AGE", "none of ours")  // another form
	f("", "AWEA", "none of ours") // a NUL in the key
	f("", "AWE=", "none of ours")
	f("", "AWF", "none of ours") // loose bits at the end
	f("", "AWE\n", "none of ours")
	f("", strings.Repeat("A", maxCursor+1), "begin again")
	f("b", encodeCursor([]byte("a")), "another prefix")
	if _, err := s.List(nil, encodeCursor(bytes.Repeat([]byte("k"), MaxKey)), 0); err != nil {
		t.Error(err)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("AWE")
	f.Add("AWF")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if key, err := decodeCursor(s); err == nil && encodeCursor(key) != s {
			t.Errorf("%q decodes to %q, which encodes to %q", s, key, encodeCursor(key))
		}
		if checkKey([]byte(s)) == nil {
			if key, err := decodeCursor(encodeCursor([]byte(s))); err != nil || string(key) != s {
				t.Errorf("key %q comes back as %q, %v", s, key, err)
			}
		}
	})
}

func TestSweepGivesEachOwnerItsTurn(t *testing.T) {
	clock := newClock()
	db := open(t, Options{Now: clock.now})
	owners := []Owner{"a", "b", "cc"}
	for _, o := range owners {
		for i := range 6 {
			put(t, store(t, db, o, "s"), fmt.Sprint(i), "v", PutOptions{TTL: time.Duration(i+1) * time.Second})
		}
		put(t, store(t, db, o, "s"), "ever", "v", PutOptions{})
	}
	left := func(want ...int64) {
		t.Helper()
		for i, o := range owners {
			if u, err := db.Usage(o); err != nil || u.Entries != want[i] {
				t.Errorf("%s has %d entries, %v; want %d", o, u.Entries, err, want[i])
			}
		}
		audit(t, db)
	}
	sweep := func(max, want int) {
		t.Helper()
		if n, err := db.Sweep(t.Context(), clock.now(), max); err != nil || n != want {
			t.Errorf("swept %d, %v; want %d", n, err, want)
		}
	}
	sweep(10, 0)
	clock.advance(4 * time.Second) // 4 of each are due
	sweep(0, 0)
	sweep(3, 3)
	left(4, 7, 7)
	sweep(3, 3)
	left(4, 4, 7)
	sweep(5, 5) // over the end and on from the first
	left(3, 4, 3)
	sweep(100, 1)
	left(3, 3, 3)
	clock.advance(time.Hour)
	sweep(100, 6)
	left(1, 1, 1)
	sweep(100, 0)
}

func TestDrop(t *testing.T) {
	clock := newClock()
	db := open(t, Options{Now: clock.now})
	s := store(t, db, "o", "s")
	var in bytes.Buffer
	for i := range 2*dropBatch + 10 {
		fmt.Fprintf(&in, `{"key":"%d","value":"v"}`+"\n", i)
	}
	if _, err := s.Import(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
	put(t, s, "old", "v", PutOptions{TTL: time.Second})
	clock.advance(time.Second)
	put(t, store(t, db, "o", "s2"), "k", "v", PutOptions{})
	if n, err := s.Drop(t.Context()); err != nil || n != 2*dropBatch+10 {
		t.Errorf("dropped %d, %v", n, err)
	}
	if p, err := s.List(nil, "", 0); err != nil || len(p.Entries) != 0 {
		t.Errorf("left: %+v, %v", p, err)
	}
	if list, err := db.Stores("o", "", 0); err != nil || len(list) != 1 || list[0].Name != "s2" {
		t.Errorf("stores %+v, %v", list, err)
	}
	if n, err := s.Drop(t.Context()); err != nil || n != 0 {
		t.Errorf("dropped %d again, %v", n, err)
	}
	audit(t, db)
}

func TestDropLeavesLaterWrites(t *testing.T) {
	var s Store
	var late bool
	db := open(t, Options{Events: Events{Delete: func(Owner, StoreName, int) {
		if !late { // after the first step of the drop
			late = true
			s.Put(t.Context(), []byte("zzz"), []byte("late"), PutOptions{})
			s.Put(t.Context(), []byte("0"), []byte("late"), PutOptions{})
		}
	}}})
	s = store(t, db, "o", "s")
	var in bytes.Buffer
	for i := range dropBatch + 10 {
		fmt.Fprintf(&in, `{"key":"%d","value":"v"}`+"\n", i)
	}
	if _, err := s.Import(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Drop(t.Context()); err != nil || n != dropBatch+10 {
		t.Errorf("dropped %d, %v", n, err)
	}
	wantValue(t, s, "zzz", "late")
	wantValue(t, s, "0", "late")
	if u, err := db.Usage("o"); err != nil || u.Entries != 2 {
		t.Errorf("usage %+v, %v", u, err)
	}
	audit(t, db)
}
