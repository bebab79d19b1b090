package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"time"
)

// noDeadline lifts the deadline for reading: with it, the end of a long
// operation would look as if its caller had gone.
func (c *call) noDeadline() { http.NewResponseController(c.w).SetReadDeadline(time.Time{}) }

// soon gives the caller some time to take the answer, or the next part of it.
func (c *call) soon() {
	http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(writeTimeout))
}

// body returns the request's body, bounded in size, in silence and in time.
func (c *call) body() *patient {
	return &patient{c: c, in: http.MaxBytesReader(c.w, c.r.Body, c.o.in.max(&c.s.opt)), end: time.Now().Add(bodyTimeout)}
}

// patient is a body that may take long in all, but not be silent for long.
type patient struct {
	c   *call
	in  io.Reader
	end time.Time
	// failed is why the body did not come to its end. A reader of lines may
	// complain of the last, torn one instead.
	failed error
}

func (p *patient) Read(b []byte) (int, error) {
	by := time.Now().Add(bodySilence)
	if by.After(p.end) {
		by = p.end
	}
	http.NewResponseController(p.c.w).SetReadDeadline(by)
	n, err := p.in.Read(b)
	if err == nil {
		return n, nil
	}
	p.c.noDeadline()
	var large *http.MaxBytesError
	switch {
	case err == io.EOF:
		return n, err
	case errors.As(err, &large):
		p.failed = err
		return n, err
	}
	p.failed = &Error{Code: BadRequest, Message: "the body did not arrive whole", Hint: "send it again"}
	return n, p.failed
}

// bytes reads the whole body.
func (c *call) bytes() ([]byte, error) {
	most := c.o.in.max(&c.s.opt)
	if c.r.ContentLength > most {
		return nil, &http.MaxBytesError{Limit: most}
	}
	var b bytes.Buffer
	if n := c.r.ContentLength; n > 0 && n <= 1<<20 {
		b.Grow(int(n) + bytes.MinRead)
	}
	_, err := b.ReadFrom(c.body())
	return b.Bytes(), err
}

// upload waits for one of the places of large bodies. Call leave afterwards.
func (c *call) upload() (leave func(), err error) { return c.s.uploads.enter(c.owner) }

// trial finds the uploaded function that the path names, and waits for one of the places of what runs versions that nobody
// deploys. They are not those of uploads: a test takes minutes, and whoever tests must not keep others from deploying.
// Whoever got one calls leave.
func (c *call) trial() (f Function, leave func(), err error) {
	if f, err = c.namedUpload(); err != nil {
		return f, nil, err
	}
	leave, err = c.s.trials.enter(c.owner)
	return f, leave, err
}

// decode reads a JSON body strictly: one object, the fields that the type
// has, each once and written as it is there, those that it needs all given.
func decode[T any](c *call) (T, error) {
	var v T
	if media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || media != mediaJSON {
		return v, &Error{Code: WrongType, Field: "Content-Type", Message: "the body must be JSON", Hint: "send the field: Content-Type: application/json"}
	}
	b, err := c.bytes()
	if err != nil {
		return v, err
	}
	if err := checkObject(b, reflect.TypeFor[T]()); err != nil {
		return v, err
	}
	if err := json.Unmarshal(b, &v); err != nil {
		var typed *json.UnmarshalTypeError
		if errors.As(err, &typed) {
			return v, &Error{Code: BadRequest, Field: typed.Field, Message: "the value is a " + typed.Value + ", which will not do", Hint: "GET /v1/openapi.json says what it has to be"}
		}
		return v, &Error{Code: BadRequest, Message: "the body has a value that will not do: " + cut(err.Error(), 200), Hint: "GET /v1/openapi.json says what it has to be"}
	}
	return v, nil
}

// checkObject refuses what is not one JSON object with the fields of a type.
func checkObject(b []byte, t reflect.Type) error {
	malformed := func(what string) error {
		return &Error{Code: BadRequest, Message: "the body is " + what, Hint: "send one JSON object"}
	}
	if !json.Valid(b) {
		return malformed("not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return malformed("not a JSON object")
	}
	fields := fieldsOf(t)
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return malformed("not JSON")
		}
		name, _ := key.(string)
		known := false
		for _, n := range names {
			known = known || n == name
		}
		if !known {
			return &Error{Code: BadRequest, Field: cut(name, 80), Message: "there is no such field", Hint: suggest(name, "fields", names)}
		}
		if seen[name] {
			return &Error{Code: BadRequest, Field: name, Message: "the field is given more than once", Hint: "give it once"}
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return malformed("not JSON")
		}
		if string(value) == "null" {
			return &Error{Code: BadRequest, Field: name, Message: "the value is null, which will not do", Hint: "give a value, or leave the field out"}
		}
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			return &Error{Code: BadRequest, Field: f.name, Message: "the field is missing", Hint: f.doc}
		}
	}
	return nil
}
