//go:build !wasip1

package wedgetest

import (
	"strconv"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

// Result is how a hook ended.
type Result int

// The results.
const (
	// GoOn: the request goes on. What the hook changed holds.
	GoOn Result = iota
	// Answered: the hook has made the response.
	Answered
	// Failed: everything is as it was before the hook, and the binding's on_failure decides. The reason is in Node.Logs.
	Failed
	// Cut: the hook failed while it streamed a body, which its receiver sees to be incomplete.
	Cut
)

// String is the result's word.
func (r Result) String() string {
	switch r {
	case GoOn:
		return "go on"
	case Answered:
		return "answered"
	case Failed:
		return "failed"
	case Cut:
		return "cut"
	}
	return strconv.Itoa(int(r))
}

// OnRequest calls a hook as the node calls on_request.
func (x *Exchange) OnRequest(hook func() int32) Result { return x.call(onRequest, hook) }

// OnFetch calls a hook as the node calls on_fetch. The exchange is one that Fetch made.
func (x *Exchange) OnFetch(hook func() int32) Result { return x.call(onFetch, hook) }

// OnFetched calls a hook as the node calls on_fetched, with the response that the exchange has.
func (x *Exchange) OnFetched(hook func() int32) Result { return x.call(onFetched, hook) }

// OnError calls a hook as the node calls on_error.
func (x *Exchange) OnError(hook func() int32) Result { return x.call(onError, hook) }

// OnResponse calls a hook as the node calls on_response, with the response that the exchange has.
func (x *Exchange) OnResponse(hook func() int32) Result { return x.call(onResponse, hook) }

func (x *Exchange) call(at hookSet, hook func() int32) Result {
	h := x.node.host
	if h.x != nil {
		panic("wedgetest: a hook was called within a hook")
	}
	before := x.Response
	restore := x.save()
	h.x, h.hook = x, at
	x.touched = map[string]bool{}
	ended := false
	defer func() {
		if !ended { // a panic of the function: the test fails by it
			h.x, h.hook = nil, 0
		}
	}()
	result := hook()
	ended = true
	h.endSpans()
	h.x, h.hook = nil, 0
	defer x.forget()
	if x.frozen {
		x.Response.Body = x.out
		if result != 0 {
			return Cut
		}
		return GoOn
	}
	switch {
	case result == 1 && x.replied:
		return Answered
	case result == 0:
		if x.replied { // respond was called, but the hook goes on
			x.Response = before
		} else if x.set[1] {
			x.afterBodyChange(at)
		}
		return GoOn
	}
	if result == 1 {
		x.node.Logs = append(x.node.Logs, Line{Level: wedge.LevelError, Message: "the hook returned 1, but it made no response"})
	}
	restore()
	return Failed
}

// forget lets go of what belonged to the hook.
func (x *Exchange) forget() {
	x.replied, x.frozen, x.set, x.in, x.out, x.touched, x.spans, x.open = false, false, [2]bool{}, nil, nil, nil, nil, 0
}

// afterBodyChange settles the fields of a response whose body was replaced, unless the hook set them: digests are wrong, what is kept
// is another entity, and what one client gets has no validators and no ranges.
func (x *Exchange) afterBodyChange(at hookSet) {
	drop := func(names ...string) {
		for _, n := range names {
			if !x.touched[n] {
				x.Response.Header.Remove(n)
			}
		}
	}
	drop("content-digest", "repr-digest", "digest", "content-md5")
	if at == onFetched {
		if tag := x.Response.Header.Value("ETag"); len(tag) > 1 && tag[len(tag)-1] == '"' && !x.touched["etag"] {
			x.Response.Header.Set("ETag", tag[:len(tag)-1]+`-00000000"`)
		}
		return
	}
	drop("etag", "last-modified", "accept-ranges")
	if x.Response.Header.Has("Content-Range") && !x.touched["content-range"] {
		drop("content-range")
		if x.Response.Status == 206 {
			x.Response.Status = 200
		}
	}
}
