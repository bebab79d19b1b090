package message

import (
	"errors"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// Stage is one function's work on one exchange. A hook works on the exchange itself; Rollback puts back what it was at
// Begin, Settle makes what was done final.
//
// States: attached, between Attach and Close; open, between Begin and Settle or Rollback. Whoever changes the exchange
// beside the methods of a Stage calls Change before.
//
// It serves ABIs that were not made for this node. hostapi/native, whose hooks may do more, has one of its own.
type Stage struct {
	X *exchange.Exchange
	// MaxBody is the most of a body that is held at once.
	MaxBody int64
	// Overflow tells that a body in this hook was larger than MaxBody.
	Overflow bool

	staged    bool // before holds the exchange as it was
	responded bool
	before    exchange.Checkpoint
	trailers  [2]*exchange.Header // as they were
	answer    aside
	kept      int
	contents  [2]Content
	changed   bool            // the response's body, in this hook
	decided   map[string]bool // fields of the response that the hook set or removed itself
}

// aside is what Respond puts aside.
type aside struct {
	status int
	header exchange.Header
	body   exchange.Body
	length int64
}

// Which of the two messages of an exchange.
const (
	Request = iota
	Response
)

// maxKept bounds what one function puts into the arena of one exchange.
const maxKept = 1 << 20

// Attach ties the stage to an exchange.
func (s *Stage) Attach(x *exchange.Exchange) { s.X, s.kept = x, 0 }

// Begin opens a hook.
func (s *Stage) Begin() {
	s.staged, s.responded, s.Overflow, s.changed = false, false, false, false
	clear(s.decided)
}

// Change is called before each change of the exchange: the first one remembers the exchange as it was.
func (s *Stage) Change() {
	if !s.staged {
		s.X.Save(&s.before)
		s.trailers = [2]*exchange.Header{s.X.Request.Trailer, s.X.Response.Trailer}
		s.staged = true
	}
}

// Keep copies text of the guest's into the exchange.
func (s *Stage) Keep(t string) (string, error) {
	if s.kept+len(t) > maxKept {
		return "", services.ErrLimit
	}
	s.kept += len(t)
	return s.X.Join(t), nil
}

// Slot is where a message keeps its body.
func (s *Stage) Slot(m int) Slot {
	if m == Request {
		return Of(&s.X.Request)
	}
	return OfResponse(&s.X.Response)
}

// Header is the header section of a message.
func (s *Stage) Header(m int) *exchange.Header { return s.Slot(m).Header }

// Responded tells whether the hook has made the response.
func (s *Stage) Responded() bool { return s.responded }

// CheckField tells whether a guest may set such a field line in h.
func CheckField(h *exchange.Header, name, value string) error {
	switch {
	case !Token(name) || !FieldValue(value):
		return services.ErrInvalid
	case Reserved(exchange.Lookup(name)):
		return services.ErrNotAllowed
	case h.Len() >= MaxFields || h.Size()+len(name)+len(value)+4 > MaxHead:
		return services.ErrLimit
	}
	return nil
}

// PutField sets a field, or adds a line of it.
func (s *Stage) PutField(m int, name, value string, add bool) error {
	h := s.Header(m)
	err := CheckField(h, name, value)
	if err != nil {
		return err
	}
	if name, err = s.Keep(name); err != nil {
		return err
	}
	if value, err = s.Keep(value); err != nil {
		return err
	}
	s.Change()
	if s.decide(m, name); add {
		h.Add(name, value)
	} else {
		h.Set(name, value)
	}
	return nil
}

// RemoveField removes all lines of a field.
func (s *Stage) RemoveField(m int, name string) error {
	h := s.Header(m)
	switch _, ok := h.Named(name); {
	case !Token(name):
		return services.ErrInvalid
	case !ok:
		s.decide(m, name)
		return nil
	case Reserved(exchange.Lookup(name)):
		return services.ErrNotAllowed
	}
	s.Change()
	s.decide(m, name)
	h.Delete(name)
	return nil
}

// decide remembers that the hook decided about a field that a changed body would otherwise take away.
func (s *Stage) decide(m int, name string) {
	if m == Response {
		if s.decided == nil {
			s.decided = map[string]bool{}
		}
		s.decided[strings.ToLower(name)] = true
	}
}

// SetMethod changes the request's method.
func (s *Stage) SetMethod(v string) error {
	if !Token(v) || len(v) > 32 || v == "CONNECT" || v == "TRACE" {
		return services.ErrInvalid
	}
	return s.setText(&s.X.Request.Method, v)
}

// SetHost changes the request's host.
func (s *Stage) SetHost(v string) error {
	host, ok := Host(v, s.X.Request.Scheme)
	if !ok {
		return services.ErrInvalid
	}
	return s.setText(&s.X.Request.Host, host)
}

// SetURI changes the request's path and query.
func (s *Stage) SetURI(v string) error {
	p, q, has := CutQuery(v)
	path, ok := Path(p)
	query, ok2 := Query(q)
	if !ok || !ok2 {
		return services.ErrInvalid
	}
	if err := s.setText(&s.X.Request.Path, path); err != nil {
		return err
	}
	if err := s.setText(&s.X.Request.Query, query); err != nil {
		return err
	}
	s.X.Request.HasQuery = has
	return nil
}

func (s *Stage) setText(to *string, v string) error {
	v, err := s.Keep(v)
	if err == nil {
		s.Change()
		*to = v
	}
	return err
}

// SetStatus changes the response's status.
func (s *Stage) SetStatus(code int) error {
	r := &s.X.Response
	if code < 200 || code > 599 || Bodiless(code) && r.Body != nil && r.ContentLength != 0 {
		return services.ErrInvalid
	}
	s.Change()
	r.Status = code
	return nil
}

// Bodiless tells of a status whose response has no content.
func Bodiless(code int) bool { return code == 204 || code == 304 }

// Read reads at least n bytes of a body ahead, or all of it, and returns what is known. Responses are decoded.
func (s *Stage) Read(m, n int) (b []byte, end bool, err error) {
	c := &s.contents[m]
	err = c.Want(s.Slot(m), n, int(s.MaxBody), m == Response)
	s.Overflow = s.Overflow || errors.Is(err, ErrTooLarge)
	return c.Seen(), c.Ended(s.Slot(m)), err
}

// Whole reads a whole body ahead.
func (s *Stage) Whole(m int) ([]byte, error) {
	c, at := &s.contents[m], s.Slot(m)
	// A length that is known to be too large is not worth reading.
	if !c.Replaced && *at.Body != nil && *at.Length > s.MaxBody {
		s.Overflow = true
		return nil, ErrTooLarge
	}
	b, _, err := s.Read(m, int(s.MaxBody)+1)
	if err == nil && int64(len(b)) > s.MaxBody {
		s.Overflow = true
		return nil, ErrTooLarge
	}
	return b, err
}

// SetBody puts b, which the stage owns from then on, into the place of a body.
func (s *Stage) SetBody(m int, b []byte) error {
	switch {
	case int64(len(b)) > s.MaxBody:
		s.Overflow = true
		return ErrTooLarge
	case m == Response && Bodiless(s.X.Response.Status) && len(b) > 0:
		return services.ErrInvalid
	}
	s.Change()
	if !s.contents[m].Replaced {
		h := s.Header(m)
		h.DeleteKnown(exchange.ContentEncoding)
		h.DeleteKnown(exchange.ContentLength)
		if m == Request {
			h.DeleteFunc(func(f *exchange.Field) bool { return Digest(f.Name) })
		} else {
			s.changed = true
		}
	}
	s.contents[m].Replace(s.Slot(m), b)
	return nil
}

// Replaced tells whether the hook has put another body into the place of one.
func (s *Stage) Replaced(m int) bool { return s.contents[m].Replaced }

// Respond makes the response, without fields.
func (s *Stage) Respond(code int, b []byte) error {
	if code < 200 || code > 599 || Bodiless(code) && len(b) > 0 {
		return services.ErrInvalid
	}
	if int64(len(b)) > s.MaxBody {
		return ErrTooLarge
	}
	s.Change()
	r := &s.X.Response
	if !s.responded {
		s.answer.status, s.answer.body, s.answer.length = r.Status, r.Body, r.ContentLength
		s.answer.header.CopyFrom(&r.Header)
		s.responded = true
	}
	r.Status = code
	r.Header.Reset()
	r.Trailer = nil
	s.contents[Response].Replace(s.Slot(Response), slices.Clone(b))
	return nil
}

// Settle makes what the hook did final. Preconditions: its result is known to be good.
func (s *Stage) Settle() {
	if s.changed && !s.responded {
		s.Declare()
	}
	for m := range s.contents {
		s.contents[m].Settle()
	}
	s.end()
}

// Declare takes away the fields of a response whose body is another one now, or will be, unless the hook decided about
// them itself: its digests are wrong, and what one client gets has no validators and no ranges.
func (s *Stage) Declare() {
	s.Change()
	r := &s.X.Response
	h := &r.Header
	h.DeleteFunc(func(f *exchange.Field) bool { return Digest(f.Name) && !s.decided[strings.ToLower(f.Name)] })
	for _, k := range [...]exchange.Known{exchange.ETag, exchange.LastModified, exchange.AcceptRanges} {
		if !s.decided[strings.ToLower(k.String())] {
			h.DeleteKnown(k)
		}
	}
	if !s.decided["content-range"] && h.DeleteKnown(exchange.ContentRange) && r.Status == 206 {
		r.Status = 200
	}
}

// Rollback puts the exchange back, except that what was read of a body is held in memory and still sent on.
func (s *Stage) Rollback() {
	if s.staged {
		for m := range s.contents {
			s.contents[m].Drop()
		}
		s.X.Restore(&s.before)
		s.X.Request.Trailer, s.X.Response.Trailer = s.trailers[Request], s.trailers[Response]
		for m := range s.contents {
			s.contents[m].Restore(s.Slot(m))
		}
	}
	s.end()
}

func (s *Stage) end() {
	for m := range s.contents {
		s.contents[m].Forget()
	}
	s.answer.header.Reset()
	s.answer.body = nil
	s.staged, s.responded, s.changed = false, false, false
}

// Close lets go of the exchange.
func (s *Stage) Close() {
	s.before.Reset()
	s.trailers = [2]*exchange.Header{}
	s.X = nil
}
