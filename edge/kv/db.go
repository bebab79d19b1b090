package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// format is the version of the layout in key.go and record.go. A file of a newer one is refused.
const format = 1

// initialMmap is address space, not memory. bbolt must wait for all readers when it maps the file anew, and holds
// new readers back while it waits, so one long export could stall every read; with room ahead it does not happen
// until the file outgrows it.
const initialMmap = 1 << 30

var (
	metaBucket   = []byte("meta")   // "format", and the sequence of versions as the bucket's own
	dataBucket   = []byte("data")   // data row → record
	expiryBucket = []byte("expiry") // expiry row → nothing
	usageBucket  = []byte("usage")  // owner row and store row → bytes, entries
	formatKey    = []byte("format")
)

// DB is one file of stores. It is safe for concurrent use.
type DB struct {
	bolt  *bbolt.DB
	dir   string // where exports are spooled
	opt   Options
	queue *queue
	stale stale
	rows  rows

	sweepMu   sync.Mutex // one sweep at a time
	sweepFrom []byte     // guarded by sweepMu: expiry row where the next sweep begins
}

// Open opens the file at path, or makes it, readable by its user only. It waits Options.LockTimeout for another
// process that has it open.
func Open(path string, opt Options) (*DB, error) {
	if err := opt.setDefaults(); err != nil {
		return nil, err
	}
	b, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         opt.LockTimeout,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: mmapSize(),
		NoStatistics:    true,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("kv: %s is in use by %s (waited %s): stop that process, or give this node a data folder of its own",
			path, lockHolder(path), opt.LockTimeout)
	}
	if err != nil {
		return nil, fmt.Errorf("kv: open %s: %w", path, err)
	}
	if err := prepare(b, path); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	db := &DB{bolt: b, dir: filepath.Dir(path), opt: opt}
	db.queue = newQueue(db.commit)
	return db, nil
}

// Close waits for the writes that were accepted and the reads that run, and closes the file.
func (db *DB) Close() error {
	if !db.queue.close() {
		return ErrClosed
	}
	if err := db.bolt.Close(); err != nil {
		return fmt.Errorf("kv: close: %w", err)
	}
	return nil
}

// prepare makes the buckets of a new file and checks the format of an old one, before anything is written to it.
func prepare(b *bbolt.DB, path string) error {
	empty := false
	err := b.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		if meta == nil {
			if k, _ := tx.Cursor().First(); k != nil {
				return fmt.Errorf("kv: %s is a bbolt file of another program: give the path of a file that does not exist yet", path)
			}
			empty = true
			return nil
		}
		v := meta.Get(formatKey)
		if len(v) != 4 {
			return fmt.Errorf("kv: %s has no format version: restore it from a copy", path)
		}
		if f := binary.BigEndian.Uint32(v); f != format {
			return fmt.Errorf("kv: %s has format %d, this program reads format %d: use the release that wrote it, or a newer one", path, f, format)
		}
		for _, name := range [][]byte{dataBucket, expiryBucket, usageBucket} {
			if tx.Bucket(name) == nil {
				return fmt.Errorf("kv: %s lacks its %s table: restore it from a copy", path, name)
			}
		}
		return nil
	})
	if err != nil || !empty {
		return err
	}
	err = b.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{metaBucket, dataBucket, expiryBucket, usageBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(metaBucket).Put(formatKey, binary.BigEndian.AppendUint32(nil, format))
	})
	if err != nil {
		return fmt.Errorf("kv: prepare %s: %w", path, err)
	}
	return nil
}

// read runs fn in a read transaction. fn must call nothing of the caller's: what it holds up, a remap of the file
// waits for, and with it every other call.
func (db *DB) read(fn func(*bbolt.Tx) error) error {
	tx, err := db.bolt.Begin(false)
	if err != nil {
		if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
			return ErrClosed
		}
		return fmt.Errorf("kv: read: %w", err)
	}
	defer tx.Rollback()
	return fn(tx)
}

func (db *DB) now() int64 { return db.opt.Now().UnixMilli() }

// NextSequence draws the next number of the sequence that versions come from. It is on disk before it is returned,
// greater than every version given before, and never given again.
func (db *DB) NextSequence(ctx context.Context) (uint64, error) {
	var n uint64
	err := db.queue.do(ctx, &op{apply: func(t *txn) (err error) {
		n, err = t.next()
		return err
	}})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Usage is what an owner or a store is charged.
type Usage struct {
	Entries int64
	Bytes   int64 // key, value, metadata and EntryOverhead of each entry
}

// Usage tells what is charged to an owner. Expired entries count until they are removed from the file.
func (db *DB) Usage(o Owner) (Usage, error) {
	if err := o.Check(); err != nil {
		return Usage{}, err
	}
	var u Usage
	err := db.read(func(tx *bbolt.Tx) (err error) {
		u, err = parseUsage(tx.Bucket(usageBucket).Get(appendName(nil, string(o))))
		return err
	})
	return u, err
}

// StoreUsage is a store in the answer of Stores.
type StoreUsage struct {
	Name StoreName
	Usage
}

// MaxStores is the most stores that one call of Stores returns.
const MaxStores = 1000

// Stores lists the stores of an owner by name, from the first one after the given name ("" for the start), at most
// limit (0 and anything above MaxStores: MaxStores). A store exists while it holds an entry.
func (db *DB) Stores(o Owner, after StoreName, limit int) ([]StoreUsage, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if limit <= 0 || limit > MaxStores {
		limit = MaxStores
	}
	if len(after) > MaxName {
		return nil, after.Check()
	}
	var list []StoreUsage
	err := db.read(func(tx *bbolt.Tx) error {
		// Rows sort by the length of the name first, and users see names sorted: the first ones of each length
		// are collected, so the work is bounded by limit, not by what the owner has.
		c := tx.Bucket(usageBucket).Cursor()
		owner := appendName(nil, string(o))
		for length := 1; length <= MaxName; length++ {
			prefix := append(bytes.Clone(owner), byte(length))
			row, v := c.Seek(append(bytes.Clone(prefix), after[:min(length, len(after))]...))
			for n := 0; n < limit && row != nil && bytes.HasPrefix(row, prefix); row, v = c.Next() {
				name := StoreName(row[len(prefix):])
				if name <= after {
					continue
				}
				u, err := parseUsage(v)
				if err != nil {
					return err
				}
				list = append(list, StoreUsage{name, u})
				n++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b StoreUsage) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return list[:min(len(list), limit)], nil
}

func parseUsage(v []byte) (Usage, error) {
	if v == nil {
		return Usage{}, nil
	}
	if len(v) != 16 {
		return Usage{}, fmt.Errorf("kv: the file holds a damaged usage row (%d bytes): restore it from a copy", len(v))
	}
	return Usage{Bytes: int64(binary.BigEndian.Uint64(v)), Entries: int64(binary.BigEndian.Uint64(v[8:]))}, nil
}

func (u Usage) row() []byte {
	row := binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(u.Bytes))
	return binary.BigEndian.AppendUint64(row, uint64(u.Entries))
}
