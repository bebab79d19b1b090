package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// guestCache is the cache as a store, as functions see it.
type guestCache struct{ c *cache.Cache }

func (g guestCache) Get(_ context.Context, owner services.Owner, key, dst []byte) ([]byte, bool, error) {
	v, found := g.c.Values().Get(string(owner), key, dst)
	return v, found, nil
}

func (g guestCache) Put(_ context.Context, owner services.Owner, key, value []byte, ttl time.Duration, tags []string) error {
	return putError(g.c.Values().Put(string(owner), key, value, ttl, tags))
}

func (g guestCache) Begin(owner services.Owner, tags []string) services.Insert {
	return guestInsert{g.c.Values().Begin(string(owner), tags)}
}

type guestInsert struct{ *cache.Insert }

func (i guestInsert) Put(_ context.Context, key, value []byte, ttl time.Duration) error {
	return putError(i.Insert.Put(key, value, ttl))
}

func (i guestInsert) As(tags []string, url string) services.Insert {
	return guestInsert{i.Insert.As(tags, url)}
}

// putError is an error of the cache in the words of the services.
func putError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, cache.ErrValueSize):
		return fmt.Errorf("%w: %w", services.ErrLimit, err)
	}
	return fmt.Errorf("%w: %w", services.ErrInvalid, err)
}

func (g guestCache) Delete(_ context.Context, owner services.Owner, key []byte) (bool, error) {
	return g.c.Values().Delete(string(owner), key), nil
}

// PurgeTag does not know how many objects it takes: a purge keeps no list.
func (g guestCache) PurgeTag(_ context.Context, owner services.Owner, tag string, soft bool) (int, error) {
	if _, err := g.c.Purge(cache.PurgeRequest{Owner: string(owner), Tag: tag, Soft: soft}); err != nil {
		return 0, fmt.Errorf("%w: %w", services.ErrInvalid, err)
	}
	return 0, nil
}
