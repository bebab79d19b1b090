package node

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/pipeline"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// warmers is how many requests a call of Warm has under way at once.
const warmers = 4

// Warm asks for each URL as a client would.
func (a cacheAPI) Warm(ctx context.Context, owner string, q admin.WarmRequest) ([]admin.Warmed, error) {
	if err := addFields(new(exchange.Header), q.Fields); err != nil {
		return nil, err
	}
	list := make([]admin.Warmed, len(q.URLs))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(warmers, len(list)) {
		wg.Go(func() {
			for i := range next {
				list[i] = a.warm(ctx, owner, q.URLs[i], q.Fields)
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	wg.Wait()
	return list, nil
}

// warm asks for one URL.
func (a cacheAPI) warm(ctx context.Context, owner, url string, fields []admin.Field) admin.Warmed {
	w := admin.Warmed{URL: url}
	if ctx.Err() != nil {
		w.Error = "whoever asked has left"
		return w
	}
	x, err := operatorsRequest(url, "", fields, "")
	if err == nil && a.n.pipeline.Warm(x, owner) != nil {
		err = foreign(owner, url)
	}
	if err != nil {
		w.Error = err.Error()
		return w
	}
	b := x.Response.Body
	defer b.Close()
	w.Bytes, err = b.WriteTo(io.Discard)
	w.Status, w.Outcome = x.Response.Status, x.Outcome.String()
	if x.Reason != exchange.ReasonNone {
		w.Reason = x.Reason.String()
	}
	w.Stored = x.Cache.Stored || x.Outcome == exchange.Hit
	if err != nil {
		w.Stored, w.Error = false, "the body broke off"
	}
	return w
}

// Push stores a response as if the origin had given it.
func (a cacheAPI) Push(_ context.Context, owner string, p admin.Push) error {
	x, err := operatorsRequest(p.URL, "", nil, "")
	if err != nil {
		return err
	}
	r := &exchange.Response{Status: p.Status, ContentLength: p.Length, Body: exchange.ReaderBody(io.NopCloser(p.Body))}
	if err := addFields(&r.Header, p.Fields); err != nil {
		x.Release()
		return err
	}
	why, err := a.n.pipeline.Push(x, owner, r)
	switch {
	case errors.Is(err, pipeline.ErrForeign):
		return foreign(owner, p.URL)
	case err != nil:
		return err
	case why != exchange.ReasonNone:
		return &admin.Error{Code: admin.Conflict, Message: "the response is not stored: " + why.String(), Hint: `give it a lifetime with the field "Cache-Control: max-age=60"; "wedge cache show" tells what the route's rules are`}
	}
	return nil
}
