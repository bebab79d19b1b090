package node

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/kv"
)

// kvAPI is the stores as operators see them.
type kvAPI struct{ db *kv.DB }

// storeError puts an error of the stores into the API's words.
func storeError(err error) error {
	if err == nil {
		return nil
	}
	if c, ok := errors.AsType[*kv.ConflictError](err); ok {
		return &admin.Error{Code: admin.PreconditionFailed, Message: c.Error(), Hint: "read the entry again and decide anew"}
	}
	if q, ok := errors.AsType[*kv.QuotaError](err); ok {
		return &admin.Error{Code: admin.Conflict, Message: q.Error(), Hint: "delete entries, or raise the owner's quota"}
	}
	if l, ok := errors.AsType[*kv.LineError](err); ok {
		return &admin.Error{Code: admin.Invalid, Field: "body", Message: l.Error(), Hint: "mend the line and import the whole file again; lines before it are in"}
	}
	if errors.Is(err, kv.ErrInvalid) || errors.Is(err, kv.ErrNotNumber) || errors.Is(err, kv.ErrOverflow) {
		return &admin.Error{Code: admin.Invalid, Message: err.Error()}
	}
	return err
}

func (a kvAPI) store(owner, name string) (kv.Store, error) {
	s, err := a.db.Store(kv.Owner(owner), kv.StoreName(name))
	return s, storeError(err)
}

func (a kvAPI) Stores(owner, after string, limit int) ([]admin.Store, error) {
	list, err := a.db.Stores(kv.Owner(owner), kv.StoreName(after), limit)
	out := make([]admin.Store, len(list))
	for i, s := range list {
		out[i] = admin.Store{Name: string(s.Name), Entries: s.Entries, Bytes: s.Bytes}
	}
	return out, storeError(err)
}

func (a kvAPI) Get(owner, store string, key []byte) (admin.Entry, bool, error) {
	s, err := a.store(owner, store)
	if err != nil {
		return admin.Entry{}, false, err
	}
	var e kv.Entry
	found, err := s.Get(key, &e)
	return admin.Entry(e), found, storeError(err)
}

func (a kvAPI) Put(ctx context.Context, owner, store string, key []byte, p admin.Put) (uint64, error) {
	s, err := a.store(owner, store)
	if err != nil {
		return 0, err
	}
	v, err := s.Put(ctx, key, p.Value, kv.PutOptions{TTL: p.TTL, Metadata: p.Metadata, IfVersion: p.IfVersion, IfAbsent: p.IfAbsent})
	return v, storeError(err)
}

func (a kvAPI) Delete(ctx context.Context, owner, store string, key []byte, ifVersion uint64) (bool, error) {
	s, err := a.store(owner, store)
	if err != nil {
		return false, err
	}
	existed, err := s.Delete(ctx, key, kv.DeleteOptions{IfVersion: ifVersion})
	return existed, storeError(err)
}

func (a kvAPI) List(owner, store string, prefix []byte, cursor string, limit int) ([]admin.Listed, string, error) {
	s, err := a.store(owner, store)
	if err != nil {
		return nil, "", err
	}
	p, err := s.List(prefix, cursor, limit)
	out := make([]admin.Listed, len(p.Entries))
	for i, e := range p.Entries {
		out[i] = admin.Listed(e)
	}
	return out, p.Next, storeError(err)
}

func (a kvAPI) Add(ctx context.Context, owner, store string, key []byte, delta int64, ttl time.Duration) (int64, uint64, error) {
	s, err := a.store(owner, store)
	if err != nil {
		return 0, 0, err
	}
	sum, version, err := s.Add(ctx, key, delta, ttl)
	return sum, version, storeError(err)
}

func (a kvAPI) Drop(ctx context.Context, owner, store string) (int, error) {
	s, err := a.store(owner, store)
	if err != nil {
		return 0, err
	}
	n, err := s.Drop(ctx)
	return n, storeError(err)
}

func (a kvAPI) Import(ctx context.Context, owner, store string, r io.Reader) (admin.Imported, error) {
	s, err := a.store(owner, store)
	if err != nil {
		return admin.Imported{}, err
	}
	i, err := s.Import(ctx, r)
	return admin.Imported(i), storeError(err)
}

func (a kvAPI) Export(ctx context.Context, owner, store string, w io.Writer) (int, error) {
	s, err := a.store(owner, store)
	if err != nil {
		return 0, err
	}
	n, err := s.Export(ctx, w)
	return n, storeError(err)
}
