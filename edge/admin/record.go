package admin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Records write down what happens in exchanges.
type Records interface {
	// Record writes exchanges to w as they end, until there are q.Count, q.For is over, or ctx is, and returns how many it
	// wrote. An error before the first byte is answered.
	Record(ctx context.Context, owner string, q RecordRequest, w io.Writer) (n int, err error)
}

// RecordRequest says which exchanges are written down.
type RecordRequest struct {
	Site  string   `json:"site,omitempty" doc:"The site; absent: all of the owner."`
	Match string   `json:"match,omitempty" doc:"What path and query have to look like; * stands for anything. Absent: all."`
	Count int      `json:"count,omitempty" doc:"How many, 1000 at most; absent: 10."`
	For   Duration `json:"for,omitempty" doc:"How long, as in 90s or 1h30m, an hour at most; absent: 5m."`
}

const (
	mostRecorded = 1000
	longestWatch = time.Hour
	maxMatch     = 1024
)

func (c *call) recordExchanges() (any, error) {
	q, err := decode[RecordRequest](c)
	if err != nil {
		return nil, err
	}
	if q.Count == 0 {
		q.Count = 10
	}
	if q.For == 0 {
		q.For = Duration(5 * time.Minute)
	}
	switch {
	case q.Count < 0 || q.Count > mostRecorded:
		return nil, &Error{Code: Invalid, Field: "count", Message: fmt.Sprintf("%d exchanges cannot be recorded", q.Count), Hint: fmt.Sprintf("give a number from 1 to %d", mostRecorded)}
	case q.For < 0 || time.Duration(q.For) > longestWatch:
		return nil, &Error{Code: Invalid, Field: "for", Message: fmt.Sprintf("%s is no time to record", time.Duration(q.For)), Hint: "give one up to 1h, as in 90s"}
	case len(q.Match) > maxMatch:
		return nil, &Error{Code: Invalid, Field: "match", Message: "the pattern is longer than 1024 bytes", Hint: "give a shorter one; * stands for anything"}
	}
	c.detail = fmt.Sprintf("site %q, match %q", cut(q.Site, 80), cut(q.Match, 80))
	out := &flushed{stream{c: c}}
	// The time of other writes is shorter than a recording may be. The caller's leaving is noticed by what is written.
	n, err := c.s.opt.Records.Record(context.WithoutCancel(c.r.Context()), c.owner, q, out)
	c.detail += fmt.Sprintf(", %d exchanges", n)
	if err != nil && out.begun {
		if e := c.s.opt.Events.Failed; e != nil {
			e(c.id, c.name(), err)
		}
		panic(http.ErrAbortHandler) // as for an export
	}
	if err != nil {
		return nil, err
	}
	out.begin()
	return nil, nil
}

// flushed is a stream each part of which is sent at once.
type flushed struct{ stream }

func (f *flushed) Write(b []byte) (int, error) {
	n, err := f.stream.Write(b)
	if err == nil {
		err = http.NewResponseController(f.c.w).Flush()
	}
	return n, err
}
