package admin

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxKeys is how many entries or stores an answer has at most.
	maxKeys = 1000
	// maxMetadata bounds metadata, in bytes.
	maxMetadata = 1 << 10
)

// key is the key that the query names. The audit log gets its hash.
func (c *call) key() ([]byte, error) {
	k := c.query["key"]
	if k == "" {
		return nil, &Error{Code: BadRequest, Field: "key", Message: "the key is empty", Hint: "give at least one byte"}
	}
	sum := sha256.Sum256([]byte(k))
	c.detail = "key sha256:" + hex.EncodeToString(sum[:8])
	return []byte(k), nil
}

func (c *call) kvStores() (any, error) {
	n := c.limit(maxKeys)
	list, err := c.s.opt.KV.Stores(c.owner, c.query["after"], n)
	if err != nil {
		return nil, err
	}
	answer := StoreList{Stores: list}
	if len(list) == n {
		answer.Next = list[n-1].Name
	}
	return answer, nil
}

func (c *call) kvList() (any, error) {
	list, next, err := c.s.opt.KV.List(c.owner, c.path["store"], []byte(c.query["prefix"]), c.query["cursor"], c.limit(maxKeys))
	if err != nil {
		return nil, err
	}
	answer := KeyList{Next: next}
	for _, l := range list {
		k := Key{Size: l.Size, Version: l.Version, Expires: l.Expires}
		k.Key, k.Key64 = text(l.Key)
		k.Metadata, k.Metadata64 = text(l.Metadata)
		answer.Keys = append(answer.Keys, k)
	}
	return answer, nil
}

// text returns bytes as text if that loses nothing, otherwise as they are.
func text(b []byte) (string, []byte) {
	if utf8.Valid(b) {
		return string(b), nil
	}
	return "", b
}

func (c *call) kvGet() (any, error) {
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	e, ok, err := c.s.opt.KV.Get(c.owner, c.path["store"], key)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, c.noEntry()
	}
	h := c.w.Header()
	h.Set("Content-Type", mediaBytes)
	h.Set("Content-Length", strconv.Itoa(len(e.Value)))
	h.Set("ETag", versionTag(e.Version))
	h.Set(HeaderVersion, strconv.FormatUint(e.Version, 10))
	if len(e.Metadata) > 0 {
		h.Set(HeaderMetadata, base64.StdEncoding.EncodeToString(e.Metadata))
	}
	if !e.Expires.IsZero() {
		h.Set(HeaderExpires, e.Expires.UTC().Format(time.RFC3339Nano))
	}
	c.soon()
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(e.Value)
	return nil, nil
}

// noEntry says that there is no such key, and whether there is such a store.
func (c *call) noEntry() error {
	store := c.path["store"]
	list, err := c.s.opt.KV.Stores(c.owner, "", maxKeys)
	if err != nil {
		return err
	}
	var names []string
	for _, s := range list {
		if s.Name == store {
			return &Error{Code: NotFound, Field: "key", Message: fmt.Sprintf("store %s has no such key", store), Hint: "wedge kv list " + store + " shows the keys that it has"}
		}
		names = append(names, s.Name)
	}
	return &Error{Code: NotFound, Field: "store", Message: fmt.Sprintf("owner %s has nothing in store %q", c.owner, store), Hint: suggest(store, "stores of "+c.owner, names)}
}

// versionTag is the ETag of a version.
func versionTag(v uint64) string { return `"` + strconv.FormatUint(v, 10) + `"` }

// ifMatch reads the version that a write is meant for; 0 if for any.
func (c *call) ifMatch() (uint64, error) {
	v := c.r.Header.Values("If-Match")
	if len(v) == 0 {
		return 0, nil
	}
	digits := strings.TrimSuffix(strings.TrimPrefix(v[0], `"`), `"`)
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n == 0 || len(v) > 1 || v[0] != `"`+digits+`"` {
		return 0, &Error{Code: BadRequest, Field: "If-Match", Message: "it does not name one version of an entry", Hint: `give the ETag of an answer, as in "17"`}
	}
	return n, nil
}

func (c *call) kvPut() (any, error) {
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	p := Put{TTL: c.duration("ttl")}
	if p.IfVersion, err = c.ifMatch(); err != nil {
		return nil, err
	}
	if v := c.r.Header.Values("If-None-Match"); len(v) > 0 {
		if len(v) > 1 || v[0] != "*" || p.IfVersion != 0 {
			return nil, &Error{Code: BadRequest, Field: "If-None-Match", Message: "only * is understood here, and not together with If-Match", Hint: "give * to write only if there is no entry"}
		}
		p.IfAbsent = true
	}
	if v := c.r.Header.Values(HeaderMetadata); len(v) > 0 {
		p.Metadata, err = base64.StdEncoding.Strict().DecodeString(v[0])
		if err != nil || len(v) > 1 || len(p.Metadata) > maxMetadata {
			return nil, &Error{Code: BadRequest, Field: HeaderMetadata, Message: fmt.Sprintf("it is not base64 of at most %d bytes", maxMetadata), Hint: "give the metadata in base64, with padding"}
		}
	}
	leave, err := c.upload()
	if err != nil {
		return nil, err
	}
	defer leave()
	if p.Value, err = c.bytes(); err != nil {
		return nil, err
	}
	v, err := c.s.opt.KV.Put(c.r.Context(), c.owner, c.path["store"], key, p)
	if err != nil {
		return nil, err
	}
	c.w.Header().Set("ETag", versionTag(v))
	return Written{v}, nil
}

func (c *call) kvDelete() (any, error) {
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	v, err := c.ifMatch()
	if err != nil {
		return nil, err
	}
	existed, err := c.s.opt.KV.Delete(c.r.Context(), c.owner, c.path["store"], key, v)
	if err != nil {
		return nil, err
	}
	return Deleted{existed}, nil
}

func (c *call) kvDrop() (any, error) {
	n, err := c.s.opt.KV.Drop(c.r.Context(), c.owner, c.path["store"])
	c.detail = fmt.Sprintf("%d entries", n)
	if err != nil {
		return nil, err
	}
	return Dropped{n}, nil
}

func (c *call) kvAdd() (any, error) {
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	in, err := decode[AddRequest](c)
	if err != nil {
		return nil, err
	}
	if in.TTL < 0 {
		return nil, &Error{Code: BadRequest, Field: "ttl", Message: "the duration is negative", Hint: "give one as in 90s or 1h30m, or leave it out"}
	}
	sum, v, err := c.s.opt.KV.Add(c.r.Context(), c.owner, c.path["store"], key, in.Delta, time.Duration(in.TTL))
	if err != nil {
		return nil, err
	}
	return Added{sum, v}, nil
}

func (c *call) kvImport() (any, error) {
	// What Import reads it reads by lines and holds little of.
	body := c.body()
	done, err := c.s.opt.KV.Import(c.r.Context(), c.owner, c.path["store"], body)
	if body.failed != nil {
		err = body.failed
	}
	c.detail = fmt.Sprintf("%d written, %d unchanged, %d expired", done.Written, done.Unchanged, done.Expired)
	if err != nil {
		return nil, err
	}
	return done, nil
}

func (c *call) kvExport() (any, error) {
	out := &stream{c: c}
	_, err := c.s.opt.KV.Export(c.r.Context(), c.owner, c.path["store"], out)
	if err != nil && out.begun {
		// The status has been sent: an answer that breaks off is the only way left
		// to say that it is not whole.
		if e := c.s.opt.Events.Failed; e != nil {
			e(c.id, c.name(), err)
		}
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		return nil, err
	}
	out.begin()
	return nil, nil
}

// stream is an answer that is sent as it is made. The caller has some time for
// each part of it.
type stream struct {
	c     *call
	begun bool
}

func (s *stream) begin() {
	if !s.begun {
		s.begun = true
		s.c.soon()
		s.c.w.Header().Set("Content-Type", mediaLines)
		s.c.w.WriteHeader(http.StatusOK)
	}
}

func (s *stream) Write(b []byte) (int, error) {
	s.begin()
	s.c.soon()
	return s.c.w.Write(b)
}
