package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A call is one request on its way through the API. It belongs to the
// request's goroutine.
type call struct {
	s    *Server
	w    *tally
	r    *http.Request
	id   string
	peer string

	o     *operation // nil until it is found
	who   *caller    // nil if nobody had to say
	owner string     // for whom, if the operation is owned
	path  map[string]string
	query map[string]string

	// What the audit log says: which thing, and a word about what was done.
	object, detail string
	// unrecorded says that this write turned out to change nothing.
	unrecorded bool
}

func (c *call) name() string {
	if c.o == nil {
		return ""
	}
	return c.o.id
}

func (c *call) token() string {
	if c.who == nil {
		return ""
	}
	return c.who.name
}

// prepare reads the parameters of the path and the query, and settles the owner.
func (c *call) prepare() error {
	c.noDeadline()
	for name, v := range c.path {
		c.object = v
		if err := checkName(name, v); err != nil {
			return err
		}
	}
	if err := c.readQuery(); err != nil {
		return err
	}
	if c.o.owned {
		if err := c.settleOwner(); err != nil {
			return err
		}
	}
	if c.o.in.none() && c.r.ContentLength != 0 {
		return &Error{Code: BadRequest, Message: "this takes no body", Hint: "send none; what it takes is in the path and the query"}
	}
	return nil
}

func (c *call) readQuery() error {
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return &Error{Code: BadRequest, Message: "the query is malformed", Hint: "percent-encode its values"}
	}
	known := c.o.query
	if c.o.owned {
		known = append(known[:len(known):len(known)], ownerParameter)
	}
	c.query = map[string]string{}
	var names []string
	for _, p := range known {
		names = append(names, p.name)
		v, given := values[p.name]
		delete(values, p.name)
		switch {
		case len(v) > 1:
			return &Error{Code: BadRequest, Field: p.name, Message: "the parameter is given more than once", Hint: "give it once"}
		case given:
			if err := p.check(v[0]); err != nil {
				return err
			}
			c.query[p.name] = v[0]
		case p.required:
			return &Error{Code: BadRequest, Field: p.name, Message: "the parameter is missing", Hint: p.doc}
		case p.preset != "":
			c.query[p.name] = p.preset
		}
	}
	for name := range values {
		return &Error{Code: BadRequest, Field: cut(name, 80), Message: "there is no such parameter", Hint: suggest(name, "parameters", names)}
	}
	return nil
}

// check refuses a value that has not the parameter's form.
func (p *parameter) check(v string) error {
	bad := func(hint string) error {
		return &Error{Code: BadRequest, Field: p.name, Message: fmt.Sprintf("%.80q will not do", v), Hint: hint}
	}
	switch p.kind {
	case kindName:
		return checkName(p.name, v)
	case kindCount:
		if _, err := strconv.ParseUint(v, 10, 64); err != nil {
			return bad("give a whole number from 0 on")
		}
	case kindLimit:
		if n, err := strconv.ParseUint(v, 10, 64); err != nil || n == 0 {
			return bad("give a whole number from 1 on")
		}
	case kindBool:
		if v != "true" && v != "false" {
			return bad("give true or false")
		}
	case kindDuration:
		if d, err := time.ParseDuration(v); err != nil || d <= 0 {
			return bad("give a duration as in 90s or 1h30m")
		}
	}
	return nil
}

// The values of parameters; their form has been checked.
func (c *call) count(name string) uint64 {
	n, _ := strconv.ParseUint(c.query[name], 10, 64)
	return n
}

func (c *call) yes(name string) bool { return c.query[name] == "true" }

func (c *call) duration(name string) time.Duration {
	d, _ := time.ParseDuration(c.query[name])
	return d
}

// limit is how many things are asked for, between 1 and most.
func (c *call) limit(most int) int { return int(min(uint64(most), c.count("limit"))) }

// settleOwner says for whom the request is, and that the caller may.
func (c *call) settleOwner() error {
	const preset = "default"
	asked := c.query["owner"]
	switch {
	case asked == "" && c.who.owner != "":
		c.owner = c.who.owner
	case asked == "":
		c.owner = preset
	case c.who.owner != "" && asked != c.who.owner:
		return &Error{Code: Forbidden, Field: "owner", Message: fmt.Sprintf("token %s is one of owner %s", c.who.name, c.who.owner), Hint: "leave the owner out, or use a token of " + asked}
	default:
		c.owner = asked
	}
	return nil
}

// finish records a write and answers.
func (c *call) finish(answer any, err error) {
	status := http.StatusOK
	var fail *Error
	if err != nil {
		fail = c.explain(err)
		status = fail.Code.Status()
	}
	if c.o != nil && c.o.write && c.who != nil && !c.unrecorded {
		if err := c.record(status, fail); err != nil {
			c.s.auditFailed(err)
		}
	}
	c.soon()
	// What is left of a body that was not wanted is read within this.
	http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(headerTimeout))
	switch {
	case fail != nil && c.w.status != 0:
		panic(http.ErrAbortHandler) // a part is on its way already: breaking off says that it is not whole
	case fail != nil && fail.Code == Unavailable && c.o != nil && c.o.busy != nil && answer != nil:
		c.write(status, answer)
	case fail != nil:
		if fail.Code == Unavailable && c.w.Header().Get("Retry-After") == "" {
			c.w.Header().Set("Retry-After", "1")
		}
		c.write(status, Failure{*fail})
	case answer != nil:
		c.write(status, answer)
	case c.w.status == 0:
		panic("BUG: operation " + c.name() + " gave no answer")
	}
}

// explain turns an error into what the caller is told.
func (c *call) explain(err error) *Error {
	var fail *Error
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &Error{Code: TooLarge, Message: fmt.Sprintf("the body has more than %d bytes", large.Limit), Hint: "make it smaller", Request: c.id}
	case errors.As(err, &fail):
		told := *fail
		told.Request = c.id
		return &told
	}
	if e := c.s.opt.Events.Failed; e != nil {
		e(c.id, c.name(), err)
	}
	return c.internal()
}

// internal is what is said when it is not the caller's fault.
func (c *call) internal() *Error {
	return &Error{Code: Internal, Message: "the node failed to do this", Hint: "look for request " + c.id + " in the node's log", Request: c.id}
}

// write sends JSON.
func (c *call) write(status int, v any) {
	b, err := json.Marshal(complete(v))
	if err != nil {
		panic("BUG: an answer of " + c.name() + " cannot be written: " + err.Error())
	}
	h := c.w.Header()
	h.Set("Content-Type", mediaJSON)
	h.Set("Content-Length", strconv.Itoa(len(b)+1))
	c.w.WriteHeader(status)
	c.w.Write(append(b, '\n')) // whoever does not listen any more is told nothing
}

// cut shortens what a caller sent.
func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "\ufffd")
}
