//go:build !wasip1

package wedgetest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

func (x *Exchange) body(m raw.Message) *[]byte {
	if m == raw.MessageRequest {
		return &x.Request.Body
	}
	return &x.Response.Body
}

// seen is a body as the function sees it.
func (h *host) seen(m raw.Message) ([]byte, raw.Status) {
	b := *h.x.body(m)
	if m == raw.MessageRequest || h.x.set[m] || len(b) == 0 {
		return b, raw.StatusOK
	}
	var r io.Reader
	var err error
	switch strings.ToLower(strings.Join(h.x.Response.Header.Values("Content-Encoding"), ",")) {
	case "", "identity":
		return b, raw.StatusOK
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(b))
	case "deflate":
		if r, err = zlib.NewReader(bytes.NewReader(b)); err != nil {
			r, err = flate.NewReader(bytes.NewReader(b)), nil
		}
	default:
		return nil, raw.StatusUnavailable
	}
	if err != nil {
		return nil, raw.StatusIO
	}
	if b, err = io.ReadAll(r); err != nil {
		return b, raw.StatusIO
	}
	return b, raw.StatusOK
}

func (h *host) Body(m raw.Message, content []byte) int32 {
	if st := h.enter("body", m); st != raw.StatusOK {
		return int32(st)
	}
	b, st := h.seen(m)
	switch {
	case st != raw.StatusOK:
		return int32(st)
	case len(b) > h.node.MaxBody:
		return int32(raw.StatusTooLarge)
	}
	return give(content, string(b))
}

func (h *host) BodyPeek(m raw.Message, content []byte) int32 {
	if st := h.enter("body_peek", m); st != raw.StatusOK {
		return int32(st)
	}
	b, st := h.seen(m)
	if st != raw.StatusOK && len(b) == 0 {
		return int32(st)
	}
	return int32(copy(content, b[:min(len(b), h.node.MaxBody)]))
}

// mayReplace is why n bytes may not take the body's place, or ok.
func (h *host) mayReplace(m raw.Message, n int) raw.Status {
	switch {
	case n > h.node.MaxBody:
		return raw.StatusTooLarge
	case m == raw.MessageResponse && isBodiless(int32(h.x.Response.Status)) && n > 0:
		return raw.StatusInvalid
	}
	return raw.StatusOK
}

func (h *host) BodySet(m raw.Message, content []byte) int32 {
	if st := h.enter("body_set", m); st != raw.StatusOK {
		return int32(st)
	}
	if st := h.mayReplace(m, len(content)); st != raw.StatusOK {
		return int32(st)
	}
	h.dropCoding(m)
	*h.x.body(m) = slices.Clone(content)
	return 0
}

// dropCoding removes what spoke of the bytes of a body that is replaced.
func (h *host) dropCoding(m raw.Message) {
	if h.x.set[m] {
		return
	}
	h.x.set[m] = true
	to := h.x.header(m)
	to.Remove("Content-Encoding")
	to.Remove("Content-Length")
	if m == raw.MessageRequest {
		for _, n := range []string{"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"} {
			to.Remove(n)
		}
	}
}

func (h *host) BodyAppend(m raw.Message, content []byte) int32 {
	if st := h.enter("body_append", m); st != raw.StatusOK {
		return int32(st)
	}
	b := h.x.body(m)
	if !h.x.set[m] {
		return int32(raw.StatusInvalid)
	}
	if st := h.mayReplace(m, len(*b)+len(content)); st != raw.StatusOK {
		return int32(st)
	}
	*b = append(*b, content...)
	return 0
}

func (h *host) BodyStreamBegin() int32 {
	return h.do("body_stream_begin", func(x *Exchange) raw.Status {
		if x.Response.Body == nil {
			return raw.StatusAbsent
		}
		if st := h.mayReplace(raw.MessageResponse, 1); st != raw.StatusOK {
			return st
		}
		b, st := h.seen(raw.MessageResponse)
		if st == raw.StatusUnavailable {
			return st
		}
		h.dropCoding(raw.MessageResponse)
		x.afterBodyChange(h.hook)
		x.in, x.out, x.frozen = b, []byte{}, true
		return raw.StatusOK
	})
}

func (h *host) BodyStreamRead(content []byte) int32 {
	if st := h.enter("body_stream_read", 0); st != raw.StatusOK {
		return int32(st)
	}
	if !h.x.frozen || len(content) == 0 {
		return int32(raw.StatusInvalid)
	}
	n := copy(content, h.x.in)
	h.x.in = h.x.in[n:]
	return int32(n)
}

func (h *host) BodyStreamWrite(content []byte) int32 {
	return h.do("body_stream_write", func(x *Exchange) raw.Status {
		if !x.frozen {
			return raw.StatusInvalid
		}
		x.out = append(x.out, content...)
		return raw.StatusOK
	})
}
