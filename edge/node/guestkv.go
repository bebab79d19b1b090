package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wedgecdn/wedge/edge/kv"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// guestKV is the stores as functions see them. Errors become those that guests
// can tell apart.
type guestKV struct{ db *kv.DB }

func (g guestKV) Open(owner services.Owner, name string) (services.Store, error) {
	s, err := g.db.Store(kv.Owner(owner), kv.StoreName(name))
	if err != nil {
		return nil, kvError(err)
	}
	return guestStore{s}, nil
}

type guestStore struct{ s kv.Store }

func (g guestStore) Get(_ context.Context, key []byte, e *services.Entry) (bool, error) {
	in := kv.Entry(*e)
	found, err := g.s.Get(key, &in)
	if found {
		*e = services.Entry(in)
	}
	return found, kvError(err)
}

func (g guestStore) Put(ctx context.Context, key, value []byte, o services.PutOptions) (uint64, error) {
	v, err := g.s.Put(ctx, key, value, kv.PutOptions{TTL: o.TTL, Metadata: o.Metadata, IfVersion: o.IfVersion, IfAbsent: o.IfAbsent})
	return v, kvError(err)
}

func (g guestStore) Delete(ctx context.Context, key []byte, ifVersion uint64) (bool, error) {
	existed, err := g.s.Delete(ctx, key, kv.DeleteOptions{IfVersion: ifVersion})
	return existed, kvError(err)
}

func (g guestStore) Add(ctx context.Context, key []byte, delta int64, ttl time.Duration) (int64, error) {
	sum, _, err := g.s.Add(ctx, key, delta, ttl)
	return sum, kvError(err)
}

func (g guestStore) List(_ context.Context, prefix []byte, cursor string, limit int) (services.Page, error) {
	p, err := g.s.List(prefix, cursor, limit)
	if err != nil {
		return services.Page{}, kvError(err)
	}
	page := services.Page{Next: p.Next, Entries: make([]services.Listed, len(p.Entries))}
	for i, e := range p.Entries {
		page.Entries[i] = services.Listed{Key: e.Key, Metadata: e.Metadata, Version: e.Version, Expires: e.Expires}
	}
	return page, nil
}

// kvError turns an error of the store into one of the guests' vocabulary.
func kvError(err error) error {
	if err == nil {
		return nil
	}
	if c, ok := errors.AsType[*kv.ConflictError](err); ok {
		return &services.ConflictError{Current: c.Current}
	}
	if _, ok := errors.AsType[*kv.QuotaError](err); ok {
		return fmt.Errorf("%w: %w", services.ErrLimit, err)
	}
	for _, pair := range [...]struct{ is, as error }{
		{kv.ErrInvalid, services.ErrInvalid},
		{kv.ErrNotNumber, services.ErrNotNumber},
		{kv.ErrOverflow, services.ErrLimit},
		{context.DeadlineExceeded, services.ErrTimeout},
		{context.Canceled, services.ErrTimeout},
	} {
		if errors.Is(err, pair.is) {
			return fmt.Errorf("%w: %w", pair.as, err)
		}
	}
	return err
}
