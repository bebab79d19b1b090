package kv

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"go.etcd.io/bbolt"
)

// hold occupies the committing goroutine inside a transaction until release is called; what is sent meanwhile becomes
// one batch.
func hold(t *testing.T, db *DB) (release func()) {
	t.Helper()
	entered, leave := make(chan struct{}), make(chan struct{})
	o := &op{apply: func(*txn) error { close(entered); <-leave; return nil }}
	if err := db.queue.send(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	<-entered
	return func() { close(leave); <-o.done }
}

func TestOneBadOperationSpoilsNoOther(t *testing.T) {
	var commits []Commit
	db := open(t, Options{Events: Events{Commit: func(c Commit) { commits = append(commits, c) }}})
	s := store(t, db, "o", "s")
	put(t, s, "n", "5", PutOptions{})
	bad := errors.New("bad page")
	release := hold(t, db)
	var ops []*op
	send := func(apply func(*txn) error) {
		t.Helper()
		o := &op{apply: apply}
		if err := db.queue.send(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		ops = append(ops, o)
	}
	add := func(tx *txn) error {
		_, err := tx.put(s.dataRow([]byte(fmt.Sprint(len(tx.usage)))), newRecord(record{value: []byte("v")}), limits{})
		return err
	}
	send(add)
	send(func(tx *txn) error {
		if err := add(tx); err != nil { // half of it is done when it fails
			return err
		}
		return tx.fail(bad)
	})
	send(func(tx *txn) error { return &ConflictError{Current: 1} })
	send(func(tx *txn) error {
		n, _, err := tx.live(s.dataRow([]byte("n")))
		if err != nil || string(n.value) != "5" {
			return fmt.Errorf("n is %q, %v", n.value, err)
		}
		_, err = tx.put(s.dataRow([]byte("n")), newRecord(record{value: []byte("6")}), limits{})
		return err
	})
	release()
	for _, o := range ops {
		<-o.done
	}
	if ops[0].err != nil || !errors.Is(ops[1].err, bad) || ops[3].err != nil {
		t.Errorf("outcomes: %v; %v; %v", ops[0].err, ops[1].err, ops[3].err)
	}
	wantConflict(t, ops[2].err, 1)
	wantValue(t, s, "n", "6")
	if u, err := db.Usage("o"); err != nil || u.Entries != 2 {
		t.Errorf("usage %+v, %v; want n and one more", u, err)
	}
	audit(t, db)
	db.Close()
	if c := commits[2]; c.Ops != 4 || c.Refused != 2 || !errors.Is(c.Err, bad) {
		t.Errorf("commit %+v", c)
	}
}

func TestCallerLeaves(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	gone, leave := context.WithCancelCause(t.Context())
	why := errors.New("deadline of the guest")

	// In line, it is withdrawn and never happens.
	release := hold(t, db)
	leave(why)
	_, err := s.Put(gone, []byte("withdrawn"), nil, PutOptions{})
	if !errors.Is(err, why) {
		t.Errorf("put: %v", err)
	}
	wantError(t, err, "nothing was written")

	// With a full line as well.
	for range queueLen {
		select {
		case db.queue.ops <- &op{apply: func(*txn) error { return nil }, done: make(chan struct{})}:
		default:
		}
	}
	_, err = s.Put(gone, []byte("withdrawn"), nil, PutOptions{})
	wantError(t, err, "nothing was written")
	release()
	wantValue(t, s, "withdrawn", "")

	// Once it is being written its outcome is told.
	during, cancel := context.WithCancel(t.Context())
	err = db.queue.do(during, &op{apply: func(tx *txn) error {
		cancel()
		_, err := tx.put(s.dataRow([]byte("taken")), newRecord(record{value: []byte("v")}), limits{})
		return err
	}})
	if err != nil {
		t.Errorf("taken: %v", err)
	}
	wantValue(t, s, "taken", "v")
	if u, err := db.Usage("o"); err != nil || u.Entries != 1 {
		t.Errorf("usage %+v, %v", u, err)
	}
}

func TestValuesAreCopiedBeforeWaiting(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	release := hold(t, db)
	key, value, metadata := []byte("k"), []byte("v"), []byte("m")
	sent := make(chan error)
	go func() {
		_, err := s.Put(t.Context(), key, value, PutOptions{Metadata: metadata})
		sent <- err
	}()
	o := <-db.queue.ops // it is in line: nobody else takes it now
	key[0], value[0], metadata[0] = 'x', 'x', 'x'
	db.queue.ops <- o
	release()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if e := wantValue(t, s, "k", "v"); string(e.Metadata) != "m" {
		t.Errorf("metadata %q", e.Metadata)
	}
}

func TestBatchesAreBounded(t *testing.T) {
	var largest atomic.Int64
	db := open(t, Options{Events: Events{Commit: func(c Commit) { largest.Store(max(largest.Load(), int64(c.Bytes))) }}})
	release := hold(t, db)
	var ops []*op
	for range 20 {
		o := &op{size: 1 << 20, apply: func(*txn) error { return nil }}
		if err := db.queue.send(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		ops = append(ops, o)
	}
	release()
	for _, o := range ops {
		<-o.done
	}
	db.Close()
	if n := largest.Load(); n != batchBytes {
		t.Errorf("the largest batch has %d bytes, want %d", n, batchBytes)
	}
}

func TestCloseFinishesWhatWasAccepted(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	release := hold(t, db)
	o := &op{apply: func(tx *txn) error {
		_, err := tx.put(s.dataRow([]byte("k")), newRecord(record{}), limits{})
		return err
	}}
	if err := db.queue.send(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	release()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	select {
	case <-o.done:
		if o.err != nil {
			t.Error(o.err)
		}
	default:
		t.Error("close left an accepted write behind")
	}
}

// Increments by compare-and-swap and by Add both count exactly, and a version never comes twice.
func TestIncrements(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	const workers, each = 8, 25
	var mu sync.Mutex
	versions := map[uint64]bool{}
	saw := func(v uint64) {
		mu.Lock()
		defer mu.Unlock()
		if versions[v] {
			t.Errorf("version %d came twice", v)
		}
		versions[v] = true
	}
	put(t, s, "cas", "0", PutOptions{})
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			var e Entry
			for range each {
				for {
					if found, err := s.Get([]byte("cas"), &e); !found || err != nil {
						t.Error(found, err)
						return
					}
					var n int
					fmt.Sscan(string(e.Value), &n)
					v, err := s.Put(t.Context(), []byte("cas"), fmt.Append(nil, n+1), PutOptions{IfVersion: e.Version})
					if err == nil {
						saw(v)
						break
					}
					if _, ok := errors.AsType[*ConflictError](err); !ok {
						t.Error(err)
						return
					}
				}
			}
		})
		wg.Go(func() {
			for range each {
				_, v, err := s.Add(t.Context(), []byte("add"), 1, 0)
				if err != nil {
					t.Error(err)
					return
				}
				saw(v)
			}
		})
	}
	wg.Wait()
	wantValue(t, s, "cas", fmt.Sprint(workers*each))
	wantValue(t, s, "add", fmt.Sprint(workers*each))
	if len(versions) != 2*workers*each {
		t.Errorf("%d versions", len(versions))
	}
}

// Versions order the writes of all goroutines as a clock on the wall would: a write that ended before another began
// has the lower version, and a read sees no less than what had ended before it began.
func TestVersionsFollowTheClock(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	var ended atomic.Uint64 // highest version whose write has ended
	raise := func(v uint64) {
		for {
			old := ended.Load()
			if v <= old || ended.CompareAndSwap(old, v) {
				return
			}
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				before := ended.Load()
				v, err := s.Put(t.Context(), []byte("k"), []byte("v"), PutOptions{})
				if err != nil || v <= before {
					t.Errorf("version %d, %v; %d had ended before", v, err, before)
					return
				}
				raise(v)
			}
		})
		wg.Go(func() {
			var e Entry
			for range 500 {
				before := ended.Load()
				if _, err := s.Get([]byte("k"), &e); err != nil || e.Version < before {
					t.Errorf("read version %d, %v; %d had ended before", e.Version, err, before)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A write that comes between the look of a Drop and its commit stays.
func TestDropDecidesInTheTransaction(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	put(t, s, "a", "old", PutOptions{})
	put(t, s, "b", "old", PutOptions{})
	release := hold(t, db)
	dropped := make(chan int)
	go func() {
		n, err := s.Drop(t.Context())
		if err != nil {
			t.Error(err)
		}
		dropped <- n
	}()
	o := <-db.queue.ops // it has looked
	release()
	put(t, s, "a", "new", PutOptions{})
	db.queue.ops <- o
	if n := <-dropped; n != 1 {
		t.Errorf("dropped %d, want b alone", n)
	}
	wantValue(t, s, "a", "new")
	wantValue(t, s, "b", "")
}

// Losing a compare-and-swap costs no sync.
func TestRefusalsAreNotCommitted(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	v := put(t, s, "k", "v", PutOptions{})
	commits := func() (id int) {
		db.read(func(tx *bbolt.Tx) error { id = tx.ID(); return nil })
		return id
	}
	before := commits()
	_, err := s.Put(t.Context(), []byte("k"), nil, PutOptions{IfVersion: v + 1})
	wantConflict(t, err, v)
	if existed, err := s.Delete(t.Context(), []byte("none"), DeleteOptions{}); existed || err != nil {
		t.Error(existed, err)
	}
	if n := commits() - before; n != 0 {
		t.Errorf("%d commits", n)
	}
	put(t, s, "k", "w", PutOptions{})
	if n := commits() - before; n != 1 {
		t.Errorf("%d commits after a put", n)
	}
}
