//go:build !wasip1

package wedgetest

import "github.com/wedgecdn/wedge/sdk/go/internal/raw"

// hookSet is a set of hooks; answering stands for "once respond was called in it".
type hookSet uint16

const (
	onRequest hookSet = 1 << iota
	onFetch
	onFetched
	onError
	onResponse
	outside // of any exchange: initialisation

	everywhere = onRequest | onFetch | onFetched | onError | onResponse
)

// A permit says at which hooks something may be done, and at which of them once respond has been called.
type permit struct{ hooks, answered hookSet }

var (
	always         = permit{everywhere | outside, 0}
	inExchange     = permit{everywhere, 0}
	changesRequest = permit{onRequest | onFetch, 0}
	ofResponse     = permit{onFetched | onResponse, onRequest | onFetch | onError}
	streams        = permit{onFetched | onResponse, 0}
	responds       = permit{onRequest | onFetch | onError, 0}
	ofKey          = permit{onRequest, 0}
	ofOrigin       = permit{onRequest | onFetch | onError, 0}
	keeps          = permit{onFetched, onError}
)

// needs is what each function of the ABI needs, for the request and for the response; one entry stands for both. A test compares it with the contract.
func needs(function string, m raw.Message) permit {
	of := func(request, response permit) permit {
		if m == raw.MessageResponse {
			return response
		}
		return request
	}
	switch function {
	case "request_part":
		return inExchange // read_request is given wherever there is an exchange
	case "request_part_set":
		return changesRequest
	case "response_status", "response_status_set":
		return ofResponse
	case "field", "field_count", "fields":
		return of(inExchange, ofResponse)
	case "field_set", "field_add", "field_remove", "body", "body_peek", "body_set", "body_append":
		return of(changesRequest, ofResponse)
	case "body_stream_begin", "body_stream_read", "body_stream_write":
		return streams
	case "respond":
		return responds
	case "origin_set":
		return ofOrigin
	case "cache_key_add", "cache_key_set", "cache_key_ignore", "cache_key_option", "cache_bypass", "cache_revalidate":
		return ofKey
	case "cache_ttl_set", "cache_grace_set", "cache_tag_add", "cache_no_store":
		return keeps
	case "config", "config_list", "secret", "hash", "hmac", "hmac_secret", "equal", "verify", "random", "seed", "log", "now":
		return always
	}
	return inExchange
}

// ends tells of functions that cannot be used any more once the head is on its way.
func ends(function string) bool {
	switch function {
	case "response_status_set", "field_set", "field_add", "field_remove", "body", "body_peek", "body_set", "body_append", "body_stream_begin",
		"cache_ttl_set", "cache_grace_set", "cache_tag_add", "cache_no_store", "var_set", "var_remove":
		return true
	}
	return false
}

// host answers the functions of the ABI. It implements raw.Host.
type host struct {
	node *Node
	x    *Exchange // of the hook that runs, nil outside
	hook hookSet
}

// enter is why a function may not be called now, or ok.
func (h *host) enter(function string, m raw.Message) raw.Status {
	if m > raw.MessageResponse {
		return raw.StatusInvalid
	}
	p := needs(function, m)
	switch {
	case h.x == nil && p.hooks&outside == 0:
		return raw.StatusNotInExchange
	case h.x == nil:
		return raw.StatusOK
	case p.hooks&h.hook != 0 || h.x.replied && p.answered&h.hook != 0:
		if h.x.frozen && ends(function) {
			return raw.StatusFrozen
		}
		return raw.StatusOK
	}
	return h.deny(function)
}

func (h *host) deny(function string) raw.Status {
	h.node.Denied = append(h.node.Denied, function)
	return raw.StatusNotAllowed
}

// do enters a function that belongs to no message and does it.
func (h *host) do(function string, body func(x *Exchange) raw.Status) int32 {
	if st := h.enter(function, raw.MessageRequest); st != raw.StatusOK {
		return int32(st)
	}
	return int32(body(h.x))
}

// give writes a value into a buffer; of one that does not fit nothing is written.
func give(buf []byte, v string) int32 {
	if len(v) <= len(buf) {
		copy(buf, v)
	}
	return int32(len(v))
}
