package node

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// shadowHost makes the door to functions that run on copies: they read what the
// others read, and change nothing. asked counts the requests that they would
// have sent.
func shadowHost(o guest.Options, asked *atomic.Int64) *guest.Host {
	s := *o.Services
	s.KV = shadowKV{s.KV}
	s.Cache = shadowCache{s.Cache}
	s.Counters = shadowCounters{s.Counters}
	s.Fetcher = shadowFetch{asked}
	s.Log, s.Metrics, s.Tracer = nil, nil, nil
	o.Services = &s
	o.Events = guest.Events{}
	// One at a time, and beside those of clients: a shadow never waits in their line.
	o.Turns = sandbox.NewTurns(1)
	return guest.New(o)
}

// shadowFetch refuses every request.
type shadowFetch struct{ asked *atomic.Int64 }

func (f shadowFetch) Fetch(context.Context, *services.FetchRequest) (*services.FetchResponse, error) {
	f.asked.Add(1)
	return nil, fmt.Errorf("%w: a shadow sends no requests", services.ErrNotAllowed)
}

// shadowKV reads the stores. What is written is forgotten.
type shadowKV struct{ services.KV }

func (k shadowKV) Open(owner services.Owner, name string) (services.Store, error) {
	s, err := k.KV.Open(owner, name)
	if err != nil {
		return nil, err
	}
	return shadowStore{s}, nil
}

type shadowStore struct{ services.Store }

// Put answers as a write that was done. A condition is looked at.
func (s shadowStore) Put(ctx context.Context, key, _ []byte, o services.PutOptions) (uint64, error) {
	var e services.Entry
	found, err := s.Store.Get(ctx, key, &e)
	if err != nil {
		return 0, err
	}
	if o.IfAbsent && found || o.IfVersion != 0 && (!found || e.Version != o.IfVersion) {
		return 0, &services.ConflictError{Current: e.Version}
	}
	return e.Version + 1, nil
}

func (s shadowStore) Delete(ctx context.Context, key []byte, ifVersion uint64) (bool, error) {
	var e services.Entry
	found, err := s.Store.Get(ctx, key, &e)
	if err == nil && ifVersion != 0 && (!found || e.Version != ifVersion) {
		err = &services.ConflictError{Current: e.Version}
	}
	return found, err
}

// Add tells the sum that it would have made.
func (s shadowStore) Add(ctx context.Context, key []byte, delta int64, _ time.Duration) (int64, error) {
	var e services.Entry
	found, err := s.Store.Get(ctx, key, &e)
	if err != nil || !found {
		return delta, err
	}
	n, err := strconv.ParseInt(string(e.Value), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: the value is none", services.ErrNotNumber)
	}
	return n + delta, nil
}

// shadowCache reads the cache as a store.
type shadowCache struct{ services.Cache }

func (shadowCache) Put(context.Context, services.Owner, []byte, []byte, time.Duration, []string) error {
	return nil
}

func (c shadowCache) Begin(owner services.Owner, tags []string) services.Insert {
	return shadowInsert{c.Cache.Begin(owner, tags)}
}

// shadowInsert is purged like an insert, and keeps nothing.
type shadowInsert struct{ services.Insert }

func (shadowInsert) Put(context.Context, []byte, []byte, time.Duration) error { return nil }

func (i shadowInsert) As(tags []string, url string) services.Insert {
	return shadowInsert{i.Insert.As(tags, url)}
}

func (c shadowCache) Delete(ctx context.Context, owner services.Owner, key []byte) (bool, error) {
	_, found, err := c.Cache.Get(ctx, owner, key, nil)
	return found, err
}

func (shadowCache) PurgeTag(context.Context, services.Owner, string, bool) (int, error) {
	return 0, nil
}

// shadowCounters read the counters.
type shadowCounters struct{ services.Counters }

// Add tells what the window holds: the served version has counted the exchange
// already.
func (c shadowCounters) Add(owner services.Owner, key []byte, window time.Duration, _ int64) (int64, error) {
	return c.Counters.Read(owner, key, window)
}

func (shadowCounters) Penalise(services.Owner, []byte, time.Duration) error { return nil }
