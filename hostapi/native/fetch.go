package native

import (
	"context"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
	"github.com/wedgecdn/wedge/hostapi/services"
)

const (
	// maxFetches bounds the requests of one function in an exchange, over its whole life.
	maxFetches = 32
	// maxFetchTime is the most that the head of a response may take.
	maxFetchTime = 30 * time.Second
)

// fetch is a request of the guest's own.
//
// States: being made (r is set, done is nil); under way (done is open); there
// (done is closed, so that resp and err may be read); closed (the handle is
// gone, the goroutine of a request under way ends by itself and closes what it
// got).
type fetch struct {
	r       *services.FetchRequest
	timeout time.Duration
	cancel  context.CancelFunc
	done    chan struct{} // closed by the goroutine, after resp and err are set
	resp    *services.FetchResponse
	err     error
	closed  bool
	ended   bool // the body has ended
}

func (s *Session) fetchOf(handle uint64) *fetch {
	if i := int64(int32(handle)); i >= 1 && i <= int64(len(s.fetches)) && !s.fetches[i-1].closed {
		return s.fetches[i-1]
	}
	return nil
}

// making is the request if it can still be changed.
func (s *Session) making(handle uint64) (*fetch, abi.Status) {
	f := s.fetchOf(handle)
	switch {
	case f == nil:
		return nil, abi.StatusBadHandle
	case f.done != nil:
		return nil, abi.StatusInvalid
	}
	return f, abi.StatusOK
}

// fetchNew reads method, origin and target; nothing is written.
func fetchNew(s *Session, a []uint64) int64 {
	method, origin, target := s.text(a, 0), s.text(a, 2), s.text(a, 4)
	if s.b.o.Services.Fetcher == nil {
		return status(abi.StatusUnavailable)
	}
	if !message.Token(method) || len(method) > 32 || method == "CONNECT" || method == "TRACE" || len(target) > 16<<10 {
		return status(abi.StatusInvalid)
	}
	if st := s.reaches(origin, target); st != abi.StatusOK {
		return s.refused(st)
	}
	if len(s.fetches) == maxFetches {
		return status(abi.StatusLimit)
	}
	r := &services.FetchRequest{Caller: s.caller(), Origin: strings.Clone(origin), Target: strings.Clone(target), Method: strings.Clone(method)}
	r.Loop = cloneAll(slices.Collect(s.x.Request.Header.Values(exchange.CDNLoop)))
	r.Number = len(s.fetches) + 1
	s.fetches = append(s.fetches, &fetch{r: r, timeout: maxFetchTime})
	return int64(len(s.fetches))
}

// reaches tells whether the binding lets its guest ask there.
func (s *Session) reaches(origin, target string) abi.Status {
	if origin != "" {
		path, query, _ := message.CutQuery(target)
		_, ok := message.Path(path)
		_, ok2 := message.Query(query)
		if !ok || !ok2 {
			return abi.StatusInvalid
		}
		if !s.b.origins[origin] {
			return abi.StatusNotAllowed
		}
		return abi.StatusOK
	}
	for i := range len(target) {
		if target[i] <= ' ' || target[i] >= 0x7f || target[i] == '\\' {
			return abi.StatusInvalid
		}
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return abi.StatusInvalid
	}
	if !s.b.hosts[hostKey(u)] {
		return abi.StatusNotAllowed
	}
	return abi.StatusOK
}

// fetchFieldAdd reads name and value; nothing is written.
func fetchFieldAdd(s *Session, a []uint64) int64 {
	name, value := s.text(a, 1), s.text(a, 3)
	f, st := s.making(a[0])
	if st != abi.StatusOK {
		return status(st)
	}
	if st := checkField(exchange.Lookup(name), name, value); st != abi.StatusOK {
		return s.refused(st)
	}
	if h := &f.r.Header; h.Len() >= message.MaxFields || h.Size()+len(name)+len(value)+4 > message.MaxHead {
		return status(abi.StatusLimit)
	}
	f.r.Header.Add(strings.Clone(name), strings.Clone(value))
	return 0
}

// fetchBodyAppend reads the content; nothing is written.
func fetchBodyAppend(s *Session, a []uint64) int64 {
	b := s.view(a, 1)
	f, st := s.making(a[0])
	if st != abi.StatusOK {
		return status(st)
	}
	if int64(len(f.r.Body)+len(b)) > s.b.o.MaxBody {
		return status(abi.StatusTooLarge)
	}
	f.r.Body = append(f.r.Body, b...)
	return 0
}

// fetchOptionSet touches no memory.
func fetchOptionSet(s *Session, a []uint64) int64 {
	f, st := s.making(a[0])
	if st != abi.StatusOK {
		return status(st)
	}
	switch v := a[2]; abi.FetchOption(a[1]) {
	case abi.FetchOptionTimeout:
		d, ok := milliseconds(v)
		if !ok || d == 0 {
			return status(abi.StatusInvalid)
		}
		f.timeout = min(d, maxFetchTime)
		return 0
	case abi.FetchOptionUseCache:
		if v > 1 {
			return status(abi.StatusInvalid)
		}
		f.r.UseCache = v == 1
		return 0
	}
	return status(abi.StatusInvalid)
}

// fetchSend touches no memory.
func fetchSend(s *Session, a []uint64) int64 {
	f, st := s.making(a[0])
	if st != abi.StatusOK {
		return status(st)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel, f.done = cancel, make(chan struct{})
	go f.run(ctx, s.b.o.Services.Fetcher)
	return 0
}

// run is the request's own goroutine, until the head is there.
func (f *fetch) run(ctx context.Context, fetcher services.Fetcher) {
	defer close(f.done)
	timer := time.AfterFunc(f.timeout, f.cancel)
	resp, err := fetcher.Fetch(ctx, f.r)
	if !timer.Stop() && err == nil {
		resp.Body.Close()
		resp, err = nil, services.ErrTimeout
	}
	f.resp, f.err = resp, err
}

// await waits for the head.
func (s *Session) await(handle uint64) (*fetch, abi.Status) {
	f := s.fetchOf(handle)
	if f == nil {
		return nil, abi.StatusBadHandle
	}
	if f.done == nil {
		return nil, abi.StatusInvalid
	}
	select {
	case <-f.done:
	case <-s.call.Context().Done():
		return nil, abi.StatusTimeout
	}
	if f.err != nil {
		return nil, statusOf(f.err)
	}
	return f, abi.StatusOK
}

// fetchStatus touches no memory.
func fetchStatus(s *Session, a []uint64) int64 {
	f, st := s.await(a[0])
	if st != abi.StatusOK {
		return status(st)
	}
	return int64(f.resp.Status)
}

// fetchField writes the value of a field line, as field does.
func fetchField(s *Session, a []uint64) int64 {
	name, index, buf := s.text(a, 1), int32(a[3]), s.room(a, 4)
	f, st := s.await(a[0])
	if st != abi.StatusOK {
		return status(st)
	}
	if index >= 0 {
		for v := range f.resp.Header.AllNamed(name) {
			if index == 0 {
				return s.give(buf, v)
			}
			index--
		}
	}
	return status(abi.StatusAbsent)
}

// fetchFields writes all field lines, as fields does.
func fetchFields(s *Session, a []uint64) int64 {
	buf := s.room(a, 1)
	f, st := s.await(a[0])
	if st != abi.StatusOK {
		return status(st)
	}
	return s.givePairs(buf, &f.resp.Header, nil)
}

// fetchBodyRead writes the next bytes.
//
//	fetch_body_read(fetch=1, content=4, capacity=4) of "hello"
//
//	        content
//	memory  ? ? ? ? h e l l ? ...
//	                4       8
//	result  4, the next time 1, then 0
func fetchBodyRead(s *Session, a []uint64) int64 {
	buf := s.room(a, 1)
	f, st := s.await(a[0])
	if st != abi.StatusOK {
		return status(st)
	}
	if len(buf) == 0 {
		return status(abi.StatusInvalid)
	}
	if f.ended {
		return 0
	}
	// The guest's wall time may end while the read waits.
	stop := context.AfterFunc(s.call.Context(), f.cancel)
	defer stop()
	s.call.ChargeMoved(len(buf))
	for range 100 {
		n, err := f.resp.Body.Read(buf)
		f.ended = err == io.EOF
		switch {
		case n > 0 || f.ended:
			return int64(n)
		case err != nil:
			return status(abi.StatusIO)
		}
	}
	return status(abi.StatusIO)
}

// fetchClose touches no memory.
func fetchClose(s *Session, a []uint64) int64 {
	f := s.fetchOf(a[0])
	if f == nil {
		return status(abi.StatusBadHandle)
	}
	f.close()
	return 0
}

// close ends the request, whatever its state. It does not wait.
func (f *fetch) close() {
	if f.closed {
		return
	}
	f.closed = true
	if f.done == nil {
		return
	}
	f.cancel()
	select {
	case <-f.done:
		if f.resp != nil {
			f.resp.Body.Close()
		}
	default:
		go func() {
			<-f.done
			if f.resp != nil {
				f.resp.Body.Close()
			}
		}()
	}
}
