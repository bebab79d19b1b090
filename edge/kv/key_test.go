package kv

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func FuzzRows(f *testing.F) {
	f.Add("a", "bc", []byte("k"), int64(1), []byte("a row"))
	f.Add("ab", "c", []byte("\xff\x00"), int64(maxExpires), []byte("\x01a\x01b"))
	f.Add(strings.Repeat("z", 63), "0", bytes.Repeat([]byte{1}, 1024), int64(1893456000000), []byte{1, 'a', 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, owner, name string, key []byte, expires int64, raw []byte) {
		// Any bytes are taken apart without a panic, and what is taken apart goes together again.
		if o, s, err := splitDataRow(raw); err == nil {
			if got := append(appendStoreRow(nil, Owner(raw[1:o]), StoreName(raw[o+1:s])), raw[s:]...); !bytes.Equal(got, raw) {
				t.Errorf("row %q comes back as %q", raw, got)
			}
		}
		if row, o, e, err := splitExpiryRow(raw); err == nil {
			if got := appendExpiryRow(nil, row, o, e); !bytes.Equal(got, raw) {
				t.Errorf("expiry row %q comes back as %q", raw, got)
			}
		}
		if Owner(owner).Check() != nil || StoreName(name).Check() != nil || checkKey(key) != nil || expires <= 0 || expires > maxExpires {
			return
		}
		row := append(appendStoreRow(nil, Owner(owner), StoreName(name)), key...)
		if len(row)+expiryLen > maxRow {
			t.Fatalf("row of %d bytes, above the bound", len(row))
		}
		o, s, err := splitDataRow(row)
		if err != nil || string(row[1:o]) != owner || string(row[o+1:s]) != name || !bytes.Equal(row[s:], key) {
			t.Fatalf("%q/%q/%q comes back as %d, %d, %v of %q", owner, name, key, o, s, err, row)
		}
		expiry := appendExpiryRow(nil, row, o, expires)
		back, o2, e, err := splitExpiryRow(expiry)
		if err != nil || o2 != o || e != expires || !bytes.Equal(back, row) {
			t.Fatalf("expiry row comes back as %q, %d, %d, %v", back, o2, e, err)
		}
		if after := afterOwner(row[:o]); bytes.Compare(expiry, after) >= 0 {
			t.Fatalf("expiry row %q is not before %q", expiry, after)
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte("0123456789abcdef\x00\x01mv"), "value", "metadata")
	f.Fuzz(func(t *testing.T, raw []byte, value, metadata string) {
		if r, err := parseRecord(raw); err == nil && !bytes.Equal(appendRecord(nil, r), raw) {
			t.Errorf("record %q comes back as %q", raw, appendRecord(nil, r))
		}
		if len(metadata) > MaxMetadata {
			return
		}
		rec := appendRecord(nil, record{expires: 5, value: []byte(value), metadata: []byte(metadata)})
		setRecordVersion(rec, 1<<63)
		r, err := parseRecord(rec)
		if err != nil || r.version != 1<<63 || r.expires != 5 || string(r.value) != value || string(r.metadata) != metadata {
			t.Errorf("record comes back as %+v, %v", r, err)
		}
	})
}

func TestExpiresMilliRoundsUp(t *testing.T) {
	f := func(at time.Time, want int64) {
		t.Helper()
		if ms, err := expiresMilli(at); ms != want || (err != nil) != (want == 0) {
			t.Errorf("%v: %d, %v; want %d", at, ms, err, want)
		}
	}
	f(time.Unix(1, 0), 1000)
	f(time.Unix(1, 1), 1001)
	f(time.Unix(1, 1e6), 1001)
	f(time.Unix(1, 1e6+1), 1002)
	f(time.Unix(0, 0), 0)
	f(time.Unix(-1, 0), 0)
	f(time.UnixMilli(maxExpires), maxExpires)
	f(time.UnixMilli(maxExpires+1), 0)
}
