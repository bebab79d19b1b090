package kv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"
)

// A record is what stands under a data row:
//
//	version 8 | expires 8 (Unix ms, 0 never) | metadata length 2 | metadata | value        (big-endian)
const recordHead = 8 + 8 + 2

// EntryOverhead is what an entry is charged beside its key, value and metadata, in bytes. It stands for the names,
// the header and the index rows, so that a million empty values are not free.
const EntryOverhead = 64

// maxExpires is the last millisecond of the year 9999: what RFC 3339 can still write.
const maxExpires = 253402300799999

// record is a view: its slices belong to the transaction, or to whoever owns the bytes it was parsed from.
type record struct {
	version  uint64
	expires  int64
	metadata []byte
	value    []byte
}

func appendRecord(dst []byte, r record) []byte {
	dst = binary.BigEndian.AppendUint64(dst, r.version)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.expires))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.metadata)))
	dst = append(dst, r.metadata...)
	return append(dst, r.value...)
}

func setRecordVersion(rec []byte, v uint64) { binary.BigEndian.PutUint64(rec, v) }

func parseRecord(b []byte) (record, error) {
	if len(b) < recordHead {
		return record{}, fmt.Errorf("kv: the file holds a damaged record (%d bytes): restore it from a copy", len(b))
	}
	n := int(binary.BigEndian.Uint16(b[16:]))
	if n > len(b)-recordHead {
		return record{}, fmt.Errorf("kv: the file holds a damaged record (metadata of %d bytes in %d): restore it from a copy", n, len(b))
	}
	return record{
		version:  binary.BigEndian.Uint64(b),
		expires:  int64(binary.BigEndian.Uint64(b[8:])),
		metadata: b[recordHead : recordHead+n],
		value:    b[recordHead+n:],
	}, nil
}

func (r record) expired(now int64) bool { return r.expires != 0 && r.expires <= now }

// charge is what the entry costs its owner.
func (r record) charge(keyLen int) int64 {
	return int64(keyLen + len(r.metadata) + len(r.value) + EntryOverhead)
}

// sameContent compares what a user put, not the version.
func (r record) sameContent(o record) bool {
	return r.expires == o.expires && bytes.Equal(r.metadata, o.metadata) && bytes.Equal(r.value, o.value)
}

// expiresTime is the zero time for an entry that never expires.
func expiresTime(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// expiresMilli rounds up, so that an entry lives at least as long as it was promised.
func expiresMilli(t time.Time) (int64, error) {
	ms := t.UnixMilli()
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		ms++
	}
	if ms <= 0 || ms > maxExpires {
		return 0, invalidf("kv: expiry %s is out of range: use a time after 1970 and before the year 10000", t.UTC().Format(time.RFC3339))
	}
	return ms, nil
}
