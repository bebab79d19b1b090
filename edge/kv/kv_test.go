package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func open(t testing.TB, opt Options) *DB {
	t.Helper()
	db, err := Open(filepath.Join(t.TempDir(), "kv.db"), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func store(t testing.TB, db *DB, o Owner, n StoreName) Store {
	t.Helper()
	s, err := db.Store(o, n)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s Store, key, value string, o PutOptions) uint64 {
	t.Helper()
	v, err := s.Put(t.Context(), []byte(key), []byte(value), o)
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return v
}

// wantValue expects value under key; "" for no entry.
func wantValue(t testing.TB, s Store, key, value string) Entry {
	t.Helper()
	var e Entry
	found, err := s.Get([]byte(key), &e)
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	if found != (value != "") || string(e.Value) != value {
		t.Fatalf("get %q: %q, found %t; want %q", key, e.Value, found, value)
	}
	return e
}

func wantError(t testing.TB, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Fatalf("error %v; want one with %q", err, words)
	}
}

// audit recomputes the accounts and the expiry rows from the data rows and compares them with what the file keeps.
func audit(t testing.TB, db *DB) {
	t.Helper()
	err := db.read(func(tx *bbolt.Tx) error {
		usage, expiry := map[string]Usage{}, map[string]bool{}
		var last uint64
		err := tx.Bucket(dataBucket).ForEach(func(row, b []byte) error {
			r, err := parseRecord(b)
			if err != nil {
				return err
			}
			last = max(last, r.version)
			ownerEnd, storeEnd, err := splitDataRow(row)
			if err != nil {
				return err
			}
			for _, end := range []int{ownerEnd, storeEnd} {
				u := usage[string(row[:end])]
				u.Entries++
				u.Bytes += int64(len(row)-storeEnd+len(r.metadata)+len(r.value)) + EntryOverhead
				usage[string(row[:end])] = u
			}
			if r.expires != 0 {
				expiry[string(appendExpiryRow(nil, row, ownerEnd, r.expires))] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
		if seq := tx.Bucket(metaBucket).Sequence(); seq < last {
			t.Errorf("sequence %d is below version %d", seq, last)
		}
		n := 0
		tx.Bucket(usageBucket).ForEach(func(row, v []byte) error {
			n++
			if u, err := parseUsage(v); err != nil || u != usage[string(row)] {
				t.Errorf("usage of %q: %+v, %v; want %+v", row, u, err, usage[string(row)])
			}
			return nil
		})
		if n != len(usage) {
			t.Errorf("%d usage rows, want %d", n, len(usage))
		}
		n = 0
		tx.Bucket(expiryBucket).ForEach(func(row, _ []byte) error {
			n++
			if !expiry[string(row)] {
				t.Errorf("expiry row %q has no entry", row)
			}
			return nil
		})
		if n != len(expiry) {
			t.Errorf("%d expiry rows, want %d", n, len(expiry))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	s := store(t, db, "o", "s")
	v := put(t, s, "k", "v", PutOptions{})

	_, err = Open(path, Options{LockTimeout: time.Millisecond})
	wantError(t, err, path)
	wantError(t, err, "in use by ")
	wantError(t, err, "stop that process, or give this node a data folder of its own")

	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if _, err := s.Put(t.Context(), []byte("k"), nil, PutOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("put after close: %v", err)
	}
	if _, err := s.Get([]byte("k"), new(Entry)); !errors.Is(err, ErrClosed) {
		t.Errorf("get after close: %v", err)
	}

	db, err = Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s = store(t, db, "o", "s")
	if e := wantValue(t, s, "k", "v"); e.Version != v {
		t.Errorf("version %d after reopening, want %d", e.Version, v)
	}
	if n, err := db.NextSequence(t.Context()); err != nil || n <= v {
		t.Errorf("sequence %d, %v; want above %d", n, err, v)
	}
}

func TestOpenRefuses(t *testing.T) {
	f := func(words string, change func(tx *bbolt.Tx) error) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "kv.db")
		db, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
		b, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Update(change); err != nil {
			t.Fatal(err)
		}
		b.Close()
		before, _ := os.ReadFile(path)
		_, err = Open(path, Options{})
		wantError(t, err, words)
		wantError(t, err, path)
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Errorf("%s: the refused file was changed", words)
		}
	}
	f("has format 2, this program reads format 1", func(tx *bbolt.Tx) error {
		return tx.Bucket(metaBucket).Put(formatKey, binary.BigEndian.AppendUint32(nil, 2))
	})
	f("has no format version", func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Delete(formatKey) })
	f("bbolt file of another program", func(tx *bbolt.Tx) error { return tx.DeleteBucket(metaBucket) })
	f("lacks its usage table", func(tx *bbolt.Tx) error { return tx.DeleteBucket(usageBucket) })

	_, err := Open(filepath.Join(t.TempDir(), "kv.db"), Options{MaxValue: LargestMaxValue + 1})
	wantError(t, err, "max value")
	_, err = Open(filepath.Join(t.TempDir(), "no", "kv.db"), Options{})
	wantError(t, err, "no such file")
}

func TestNames(t *testing.T) {
	f := func(name, words string) {
		t.Helper()
		for _, err := range []error{Owner(name).Check(), StoreName(name).Check()} {
			if words == "" && err != nil {
				t.Errorf("%q: %v", name, err)
			}
			if words != "" {
				wantError(t, err, words)
				if !errors.Is(err, ErrInvalid) {
					t.Errorf("%q: %v is no ErrInvalid", name, err)
				}
			}
		}
	}
	f("a", "")
	f("0-_z", "")
	f(strings.Repeat("a", 63), "")
	f("", "empty")
	f(strings.Repeat("a", 64), "64 bytes")
	f("-a", "byte 1 is '-'")
	f("_a", "byte 1 is '_'")
	f("Shop", "byte 1 is 'S'")
	f("a/b", "byte 2 is '/'")
	f("a\x00", `byte 2 is '\x00'`)
	f("ü", "byte 1")
}

func TestArguments(t *testing.T) {
	db := open(t, Options{MaxValue: 10, Now: newClock().now})
	s := store(t, db, "o", "s")
	f := func(key, value string, o PutOptions, words string) {
		t.Helper()
		_, err := s.Put(t.Context(), []byte(key), []byte(value), o)
		if words == "" {
			if err != nil {
				t.Error(err)
			}
			return
		}
		wantError(t, err, words)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%v is no ErrInvalid", err)
		}
	}
	f("", "", PutOptions{}, "key is empty")
	f(strings.Repeat("k", 1024), "", PutOptions{}, "")
	f(strings.Repeat("k", 1025), "", PutOptions{}, "key has 1025 bytes: at most 1024")
	f("a\x00b", "", PutOptions{}, "NUL at byte 2")
	f("\xff\xfe", "", PutOptions{}, "")
	f("k", "0123456789", PutOptions{}, "")
	f("k", "0123456789a", PutOptions{}, "value has 11 bytes: at most 10")
	f("k", "", PutOptions{Metadata: make([]byte, 1024)}, "")
	f("k", "", PutOptions{Metadata: make([]byte, 1025)}, "metadata has 1025 bytes")
	f("k", "", PutOptions{TTL: -1}, "time to live of -1ns")
	f("k", "", PutOptions{TTL: 1, Expires: time.Unix(1, 0)}, "exclude each other")
	f("k", "", PutOptions{Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}, "is past")
	f("k", "", PutOptions{Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "out of range")
	f("k", "", PutOptions{Expires: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}, "")
	f("k", "", PutOptions{IfAbsent: true, IfVersion: 1}, "exclude each other")
	if _, err := s.Get(nil, new(Entry)); !errors.Is(err, ErrInvalid) {
		t.Errorf("get without a key: %v", err)
	}
	if _, err := s.List(make([]byte, 1025), "", 0); !errors.Is(err, ErrInvalid) {
		t.Errorf("list with a long prefix: %v", err)
	}
	if _, err := db.Store("o", "S"); !errors.Is(err, ErrInvalid) {
		t.Errorf("store S: %v", err)
	}
	audit(t, db)
}

func TestOwnersAndStoresAreApart(t *testing.T) {
	db := open(t, Options{})
	names := [][2]string{{"a", "bc"}, {"ab", "c"}, {"a", "b"}, {"ab", "b"}, {"c", "a"}}
	for _, n := range names {
		put(t, store(t, db, Owner(n[0]), StoreName(n[1])), "k", n[0]+"/"+n[1], PutOptions{})
	}
	for _, n := range names {
		s := store(t, db, Owner(n[0]), StoreName(n[1]))
		wantValue(t, s, "k", n[0]+"/"+n[1])
		if p, err := s.List(nil, "", 0); err != nil || len(p.Entries) != 1 {
			t.Errorf("%v lists %d entries, %v", n, len(p.Entries), err)
		}
	}
	if n, err := store(t, db, "a", "b").Drop(t.Context()); n != 1 || err != nil {
		t.Errorf("drop: %d, %v", n, err)
	}
	wantValue(t, store(t, db, "a", "b"), "k", "")
	wantValue(t, store(t, db, "a", "bc"), "k", "a/bc")
	wantValue(t, store(t, db, "ab", "b"), "k", "ab/b")
	list, err := db.Stores("ab", "", 0)
	if err != nil || len(list) != 2 || list[0].Name != "b" || list[1].Name != "c" || list[0].Bytes != EntryOverhead+5 {
		t.Errorf("stores of ab: %+v, %v", list, err)
	}
	if list, err := db.Stores("ab", "b", 1); err != nil || len(list) != 1 || list[0].Name != "c" {
		t.Errorf("stores of ab after b: %+v, %v", list, err)
	}
	audit(t, db)
}

func TestStoresSortByName(t *testing.T) {
	db := open(t, Options{})
	for _, n := range []StoreName{"bb", "a", "ccc", "b", "aaa"} {
		put(t, store(t, db, "o", n), "k", "v", PutOptions{})
	}
	var got []string
	var after StoreName
	for {
		list, err := db.Stores("o", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, u := range list {
			got = append(got, string(u.Name))
			after = u.Name
		}
	}
	if s := strings.Join(got, " "); s != "a aaa b bb ccc" {
		t.Errorf("stores: %s", s)
	}
}

func TestGetReusesBuffers(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	put(t, s, "k", "value", PutOptions{Metadata: []byte("meta")})
	value, metadata := make([]byte, 0, 8), make([]byte, 0, 8)
	e := Entry{Value: value, Metadata: metadata}
	if found, err := s.Get([]byte("k"), &e); !found || err != nil {
		t.Fatal(found, err)
	}
	if &e.Value[0] != &value[:1][0] || &e.Metadata[0] != &metadata[:1][0] {
		t.Error("the buffers were not used")
	}
	e.Version = 99
	if found, err := s.Get([]byte("none"), &e); found || err != nil || e.Version != 99 || string(e.Value) != "value" {
		t.Errorf("a miss changed the entry: %t, %v, %+v", found, err, e)
	}
	// bbolt's transaction, bucket and cursor allocate; nothing of ours does on top.
	key, row := []byte("k"), s.dataRow([]byte("k"))
	ours := testing.AllocsPerRun(200, func() { s.Get(key, &e) })
	bolts := testing.AllocsPerRun(200, func() {
		tx, _ := db.bolt.Begin(false)
		tx.Bucket(dataBucket).Get(row)
		tx.Rollback()
	})
	if ours > bolts {
		t.Errorf("get allocates %.0f times, bbolt alone %.0f", ours, bolts)
	}
}

func TestDamagedRecordIsAnError(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	put(t, s, "k", "v", PutOptions{})
	err := db.bolt.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(dataBucket).Put(s.dataRow([]byte("k")), []byte("short"))
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Get([]byte("k"), new(Entry))
	wantError(t, err, "damaged record")
	_, err = s.List(nil, "", 0)
	wantError(t, err, "damaged record")
	_, err = s.Put(t.Context(), []byte("k"), nil, PutOptions{})
	wantError(t, err, "damaged record")
	_, err = s.Export(t.Context(), io.Discard)
	wantError(t, err, "damaged record")
	put(t, s, "other", "v", PutOptions{})
}
