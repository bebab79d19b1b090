package journal

import (
	"context"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// Services are the node's, through the tape.
func (t *Tape) Services() *services.Services {
	if t.real == nil {
		t.real = &services.Services{}
	}
	s := &services.Services{Caching: t.real.Caching}
	if t.offered["kv"] {
		s.KV = tapedKV{t}
	}
	if t.offered["cache"] {
		s.Cache = tapedCache{t}
	}
	if t.offered["fetch"] {
		s.Fetcher = tapedFetcher{t}
	}
	if t.offered["counters"] {
		s.Counters = tapedCounters{t}
	}
	if t.offered["log"] {
		s.Log = tapedLog{t}
	}
	if t.offered["metrics"] {
		s.Metrics = tapedMetrics{t}
	}
	if t.offered["places"] {
		s.Places = tapedPlaces{t}
	}
	if t.offered["devices"] {
		s.Devices = tapedDevices{t}
	}
	if t.offered["tracer"] {
		s.Tracer = tapedTracer{t}
	}
	return s
}

// Numbers and times are written in decimal digits.
func num(n int64) string { return strconv.FormatInt(n, 10) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// at is the i-th value of an answer, "" if it has fewer: a file may say anything.
func at(answer []Text, i int) string {
	if i < len(answer) {
		return string(answer[i])
	}
	return ""
}

func numAt(answer []Text, i int) int64 {
	n, _ := strconv.ParseInt(at(answer, i), 10, 64) // 0 for what is none
	return n
}

func unix(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return num(t.UnixNano())
}

func timeAt(answer []Text, i int) time.Time {
	if n := numAt(answer, i); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

type tapedKV struct{ t *Tape }

func (k tapedKV) Open(owner services.Owner, name string) (services.Store, error) {
	s := tapedStore{t: k.t, name: name}
	_, err := k.t.ask("kv.open", texts(name), func() (_ []Text, err error) {
		s.real, err = k.t.real.KV.Open(owner, name)
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

type tapedStore struct {
	t    *Tape
	real services.Store
	name string
}

func (s tapedStore) Get(ctx context.Context, key []byte, e *services.Entry) (bool, error) {
	a, err := s.t.ask("kv.get", texts(s.name, string(key)), func() ([]Text, error) {
		found, err := s.real.Get(ctx, key, e)
		if err != nil || !found {
			return nil, err
		}
		return texts(string(e.Value), string(e.Metadata), strconv.FormatUint(e.Version, 10), unix(e.Expires)), nil
	})
	if err != nil || len(a) == 0 {
		return false, err
	}
	e.Value, e.Metadata = append(e.Value[:0], at(a, 0)...), append(e.Metadata[:0], at(a, 1)...)
	e.Version, _ = strconv.ParseUint(at(a, 2), 10, 64)
	e.Expires = timeAt(a, 3)
	return true, nil
}

func (s tapedStore) Put(ctx context.Context, key, value []byte, o services.PutOptions) (uint64, error) {
	a, err := s.t.ask("kv.put", texts(s.name, string(key), string(value), string(o.Metadata), o.TTL.String(), strconv.FormatUint(o.IfVersion, 10), yes(o.IfAbsent)), func() ([]Text, error) {
		v, err := s.real.Put(ctx, key, value, o)
		return texts(strconv.FormatUint(v, 10)), err
	})
	v, _ := strconv.ParseUint(at(a, 0), 10, 64)
	return v, err
}

func (s tapedStore) Delete(ctx context.Context, key []byte, ifVersion uint64) (bool, error) {
	a, err := s.t.ask("kv.delete", texts(s.name, string(key), strconv.FormatUint(ifVersion, 10)), func() ([]Text, error) {
		existed, err := s.real.Delete(ctx, key, ifVersion)
		return texts(yes(existed)), err
	})
	return at(a, 0) == "yes", err
}

func (s tapedStore) Add(ctx context.Context, key []byte, delta int64, ttl time.Duration) (int64, error) {
	a, err := s.t.ask("kv.add", texts(s.name, string(key), num(delta), ttl.String()), func() ([]Text, error) {
		sum, err := s.real.Add(ctx, key, delta, ttl)
		return texts(num(sum)), err
	})
	return numAt(a, 0), err
}

func (s tapedStore) List(ctx context.Context, prefix []byte, cursor string, limit int) (services.Page, error) {
	a, err := s.t.ask("kv.list", texts(s.name, string(prefix), cursor, strconv.Itoa(limit)), func() ([]Text, error) {
		p, err := s.real.List(ctx, prefix, cursor, limit)
		out := texts(p.Next)
		for _, e := range p.Entries {
			out = append(out, texts(string(e.Key), string(e.Metadata), strconv.FormatUint(e.Version, 10), unix(e.Expires))...)
		}
		return out, err
	})
	p := services.Page{Next: at(a, 0)}
	for i := 1; i+3 < len(a); i += 4 {
		v, _ := strconv.ParseUint(at(a, i+2), 10, 64)
		p.Entries = append(p.Entries, services.Listed{Key: []byte(a[i]), Metadata: []byte(a[i+1]), Version: v, Expires: timeAt(a, i+3)})
	}
	return p, err
}

type tapedCache struct{ t *Tape }

func (c tapedCache) Get(ctx context.Context, owner services.Owner, key, dst []byte) ([]byte, bool, error) {
	a, err := c.t.ask("cache.get", texts(string(key)), func() ([]Text, error) {
		v, found, err := c.t.real.Cache.Get(ctx, owner, key, nil)
		if err != nil || !found {
			return nil, err
		}
		return texts(string(v)), nil
	})
	if err != nil || len(a) == 0 {
		return dst, false, err
	}
	return append(dst, a[0]...), true, nil
}

func (c tapedCache) Put(ctx context.Context, owner services.Owner, key, value []byte, ttl time.Duration, tags []string) error {
	return c.put(key, value, ttl, tags, func() error { return c.t.real.Cache.Put(ctx, owner, key, value, ttl, tags) })
}

func (c tapedCache) put(key, value []byte, ttl time.Duration, tags []string, real func() error) error {
	_, err := c.t.ask("cache.put", append(texts(string(key), string(value), ttl.String()), texts(tags...)...), func() ([]Text, error) {
		return nil, real()
	})
	return err
}

// Begin is not written down: nothing comes back that a function sees.
func (c tapedCache) Begin(owner services.Owner, tags []string) services.Insert {
	i := tapedInsert{c: c, tags: tags}
	if c.t.real.Cache != nil {
		i.real = c.t.real.Cache.Begin(owner, tags)
	}
	return i
}

type tapedInsert struct {
	c    tapedCache
	tags []string
	real services.Insert // nil while playing
}

// As is not written down, like Begin.
func (i tapedInsert) As(tags []string, url string) services.Insert {
	as := tapedInsert{c: i.c, tags: tags}
	if i.real != nil {
		as.real = i.real.As(tags, url)
	}
	return as
}

// Put is written down like the cache's.
func (i tapedInsert) Put(ctx context.Context, key, value []byte, ttl time.Duration) error {
	return i.c.put(key, value, ttl, i.tags, func() error { return i.real.Put(ctx, key, value, ttl) })
}

func (i tapedInsert) Purged() bool {
	a, _ := i.c.t.ask("cache.purged", texts(i.tags...), func() ([]Text, error) { return texts(yes(i.real.Purged())), nil })
	return at(a, 0) == "yes"
}

func (c tapedCache) Delete(ctx context.Context, owner services.Owner, key []byte) (bool, error) {
	a, err := c.t.ask("cache.delete", texts(string(key)), func() ([]Text, error) {
		existed, err := c.t.real.Cache.Delete(ctx, owner, key)
		return texts(yes(existed)), err
	})
	return at(a, 0) == "yes", err
}

func (c tapedCache) PurgeTag(ctx context.Context, owner services.Owner, tag string, soft bool) (int, error) {
	a, err := c.t.ask("cache.purge", texts(tag, yes(soft)), func() ([]Text, error) {
		n, err := c.t.real.Cache.PurgeTag(ctx, owner, tag, soft)
		return texts(strconv.Itoa(n)), err
	})
	return int(numAt(a, 0)), err
}

type tapedCounters struct{ t *Tape }

func (c tapedCounters) Add(owner services.Owner, key []byte, window time.Duration, delta int64) (int64, error) {
	a, err := c.t.ask("counter.add", texts(string(key), window.String(), num(delta)), func() ([]Text, error) {
		sum, err := c.t.real.Counters.Add(owner, key, window, delta)
		return texts(num(sum)), err
	})
	return numAt(a, 0), err
}

func (c tapedCounters) Read(owner services.Owner, key []byte, window time.Duration) (int64, error) {
	a, err := c.t.ask("counter.read", texts(string(key), window.String()), func() ([]Text, error) {
		sum, err := c.t.real.Counters.Read(owner, key, window)
		return texts(num(sum)), err
	})
	return numAt(a, 0), err
}

func (c tapedCounters) Penalise(owner services.Owner, key []byte, d time.Duration) error {
	_, err := c.t.ask("counter.penalise", texts(string(key), d.String()), func() ([]Text, error) { return nil, c.t.real.Counters.Penalise(owner, key, d) })
	return err
}

func (c tapedCounters) Penalty(owner services.Owner, key []byte) (time.Duration, error) {
	a, err := c.t.ask("counter.penalty", texts(string(key)), func() ([]Text, error) {
		left, err := c.t.real.Counters.Penalty(owner, key)
		return texts(num(int64(left))), err
	})
	return time.Duration(numAt(a, 0)), err
}

type tapedLog struct{ t *Tape }

func (l tapedLog) Log(line *services.Line) {
	if real := l.t.real.Log; real != nil {
		real.Log(line)
	}
	ask := texts(line.Level.String(), string(line.Message))
	for _, f := range line.Fields {
		ask = append(ask, texts(f.Name, f.Value)...)
	}
	l.t.tell("log", ask)
}

type tapedMetrics struct{ t *Tape }

func (m tapedMetrics) Add(owner services.Owner, function, name string, delta int64) {
	if real := m.t.real.Metrics; real != nil {
		real.Add(owner, function, name, delta)
	}
	m.t.tell("metric.add", texts(name, num(delta)))
}

func (m tapedMetrics) Observe(owner services.Owner, function, name string, value float64) {
	if real := m.t.real.Metrics; real != nil {
		real.Observe(owner, function, name, value)
	}
	m.t.tell("metric.observe", texts(name, strconv.FormatFloat(value, 'g', -1, 64)))
}

func (m tapedMetrics) Set(owner services.Owner, function, name string, value float64) {
	if real := m.t.real.Metrics; real != nil {
		real.Set(owner, function, name, value)
	}
	m.t.tell("metric.set", texts(name, strconv.FormatFloat(value, 'g', -1, 64)))
}

type tapedPlaces struct{ t *Tape }

func (p tapedPlaces) Place(a netip.Addr) (services.Place, bool) {
	out, err := p.t.ask("place", texts(a.String()), func() ([]Text, error) {
		place, known := p.t.real.Places.Place(a)
		if !known {
			return nil, nil
		}
		return texts(place.Country, place.Region, place.City, num(int64(place.ASN)), place.Detail), nil
	})
	if err != nil || len(out) == 0 {
		return services.Place{}, false
	}
	return services.Place{Country: at(out, 0), Region: at(out, 1), City: at(out, 2), ASN: uint32(numAt(out, 3)), Detail: at(out, 4)}, true
}

type tapedDevices struct{ t *Tape }

func (d tapedDevices) Device(userAgent string) string {
	out, _ := d.t.ask("device", texts(userAgent), func() ([]Text, error) { return texts(d.t.real.Devices.Device(userAgent)), nil })
	return at(out, 0)
}

type tapedTracer struct{ t *Tape }

func (tr tapedTracer) Span(s *services.Span) {
	if real := tr.t.real.Tracer; real != nil {
		real.Span(s)
	}
	ask := texts(s.Name, strconv.Itoa(s.Number), strconv.Itoa(s.Parent))
	for _, f := range s.Attributes {
		ask = append(ask, texts(f.Name, f.Value)...)
	}
	tr.t.tell("span", ask)
}

type tapedFetcher struct{ t *Tape }

// Fetch writes the request down when its head is there, and its content as it is read.
func (f tapedFetcher) Fetch(ctx context.Context, r *services.FetchRequest) (*services.FetchResponse, error) {
	ask := texts(r.Method, r.Origin, r.Target, yes(r.UseCache), string(r.Body))
	for h := range r.Header.All() {
		ask = append(ask, texts(h.Name, h.Value)...)
	}
	t := f.t
	if t.from != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		c, found := take(&t.fetches, "fetch", ask, r.Number)
		c.Number = r.Number // a function that was changed may send it at another place
		if !found {
			c.Name, c.Ask, c.Err = "fetch", ask, "missing"
			t.missing = append(t.missing, Call{Name: "fetch", Ask: ask}.String())
			t.write(&t.run.Fetches, c)
			return nil, errMissing
		}
		t.write(&t.run.Fetches, c)
		if c.Err != "" {
			return nil, errorOf(c.Err)
		}
		return answered(c.Answer), nil
	}
	got, err := t.real.Fetcher.Fetch(ctx, r)
	t.mu.Lock()
	defer t.mu.Unlock()
	c := Call{Name: "fetch", Ask: ask, Err: errorWord(err), Number: r.Number}
	if err == nil {
		// Status, number of fields, the fields, then the content: how it ended, and its pieces.
		c.Answer = texts(strconv.Itoa(got.Status), strconv.Itoa(got.Header.Len()))
		for h := range got.Header.All() {
			c.Answer = append(c.Answer, texts(h.Name, h.Value)...)
		}
		c.Answer = append(c.Answer, "unread")
		got.Body = &fetched{t: t, inner: got.Body, call: len(t.run.Fetches), end: len(c.Answer) - 1}
	}
	t.write(&t.run.Fetches, c)
	return got, err
}

// fetched writes down the content of an answer as the guest reads it.
type fetched struct {
	t         *Tape
	inner     io.ReadCloser
	call, end int // which call, and where in its answer the word of its end is
	size      int
}

func (f *fetched) Read(p []byte) (int, error) {
	n, err := f.inner.Read(p)
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	if f.t.sealed || f.call >= len(f.t.run.Fetches) { // or the tape was full
		return n, err
	}
	c := &f.t.run.Fetches[f.call]
	if n > 0 {
		f.size, f.t.fetched = f.size+n, f.t.fetched+n+pieceBytes
		if f.size > MaxBody || f.t.fetched > mostFetched {
			f.t.cut("it read more of an answer to a request of its own than is kept")
		} else {
			c.Answer = append(c.Answer, Text(p[:n]))
		}
	}
	switch {
	case err == io.EOF && n > 0:
		c.Answer[f.end] = "ended with"
	case err == io.EOF:
		if c.Answer[f.end] != "ended with" {
			c.Answer[f.end] = "ended"
		}
	case err != nil:
		c.Answer[f.end] = "broken"
	}
	return n, err
}

func (f *fetched) Close() error { return f.inner.Close() }

// pieces are the content of an answer to a request, as it came: parts of one text.
func pieces(a []Text) []Text {
	n := numAt(a, 1)
	if n < 0 || n > int64(len(a)) || 3+2*int(n) > len(a) {
		return nil
	}
	return a[3+2*n:]
}

// answered is the response that an answer tells.
func answered(a []Text) *services.FetchResponse {
	r := &services.FetchResponse{Status: int(numAt(a, 0)), Header: exchange.Header{}}
	i, n := 2, numAt(a, 1)
	for ; n > 0 && i+1 < len(a); n, i = n-1, i+2 {
		r.Header.Add(at(a, i), at(a, i+1))
	}
	b := &Body{}
	var data strings.Builder
	switch at(a, i) {
	case "ended":
		b.Ended = true
	case "ended with":
		b.Ended, b.With = true, true
	case "broken":
		b.Broken = true
	}
	for i++; i < len(a); i++ {
		data.WriteString(string(a[i]))
		b.Pieces = append(b.Pieces, len(a[i]))
	}
	b.Data = Text(data.String())
	r.Body = &played{b: b}
	return r
}
