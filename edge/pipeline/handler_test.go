package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// scriptHandler is a fake handler.
//
//	function app
//	handle: answer 200; set X-By=app; own /a; body TEXT
//
// Acts, of which the first is answer STATUS or trap: set N=V; own PATH, which puts the answer to a request of its own, from the
// cache if it can be, into the content; echo, which streams the request's content back; write TEXT; wait D, between
// what it writes; break, which ends the content before its end.
type scriptHandler struct {
	w *world
	s *script
}

func (h scriptHandler) Answer(x *exchange.Exchange) error {
	r := &x.Response
	for _, act := range h.s.handle {
		switch verb, arg, _ := strings.Cut(act, " "); verb {
		case "answer":
			r.Status = int(arg[0]-'0')*100 + int(arg[1]-'0')*10 + int(arg[2]-'0')
			r.ContentLength = -1
		case "set":
			name, value, _ := strings.Cut(arg, "=")
			r.Header.Add(name, value)
		case "trap":
			return &exchange.Error{Source: exchange.SourceFunction, Op: "handle", Reason: exchange.ReasonFunctionTrap, Err: errors.New("trap")}
		}
	}
	pr, pw := io.Pipe()
	r.Body = exchange.ReaderBody(pr)
	var asked io.Reader
	if x.Request.Body != nil {
		asked = x.Request.Body
	}
	go func() { pw.CloseWithError(h.stream(pw, asked)) }()
	return nil
}

func (h scriptHandler) stream(to io.Writer, asked io.Reader) error {
	for _, act := range h.s.handle {
		switch verb, arg, _ := strings.Cut(act, " "); verb {
		case "own":
			r, err := h.w.p.Own(context.Background(), &OwnRequest{Owner: "default", Origin: "main", Target: arg, Method: "GET"})
			if err != nil {
				return err
			}
			var b bytes.Buffer
			io.Copy(&b, r.Body)
			r.Body.Close()
			io.WriteString(to, "["+strings.TrimPrefix(r.Header.Value(exchange.CacheStatus), "node-a; ")+"] "+b.String())
		case "echo":
			if asked == nil {
				continue
			}
			if _, err := io.Copy(to, asked); err != nil {
				return err
			}
		case "write":
			io.WriteString(to, arg)
		case "wait":
			d, err := time.ParseDuration(arg)
			if err != nil {
				panic(err)
			}
			<-time.After(d) // in the fake time of a conversation
		case "break":
			return errors.New("broken off")
		}
	}
	return nil
}
