// Command fetch-aggregate answers one request with what several origins say, asked at once: a dashboard in one round trip. It is a function for the hook
// on_request; its README says how it is configured.
package main

import (
	"encoding/json"
	"errors"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(aggregate) }

func main() {} // never runs

const (
	maxParts = 8         // what may be under way at once
	maxBody  = 256 << 10 // of one part
	timeout  = 800 * wedge.Millisecond
)

// A part is a member of the answer, and where it comes from.
type part struct{ name, origin, target string }

func aggregate(h *wedge.RequestHook) error {
	parts, err := settings()
	if err != nil {
		return err
	}
	if m := h.Request.Method(); m != "GET" && m != "HEAD" {
		r, err := h.Respond(405, "")
		if err != nil {
			return err
		}
		return r.Header.Set("Allow", "GET, HEAD")
	}
	// All are sent before one is waited for: the answer takes as long as the slowest, not as long as all together.
	pending := make([]*wedge.Pending, len(parts))
	for i, p := range parts {
		pending[i], err = wedge.Send(&wedge.FetchRequest{
			Origin: p.origin, Target: p.target, Timeout: timeout, UseCache: true,
			Fields: []string{"Accept", "application/json"},
		})
		if err != nil {
			return err // not allowed or malformed: the operator's mistake, which a null would hide
		}
	}
	var body strings.Builder
	body.WriteByte('{')
	missing := ""
	for i, p := range parts {
		if i > 0 {
			body.WriteByte(',')
		}
		name, err := json.Marshal(p.name)
		if err != nil {
			return err
		}
		body.Write(name)
		body.WriteByte(':')
		value, err := answer(pending[i])
		if err != nil {
			// What is missing is null: a dashboard without the weather is better than none.
			wedge.Log(wedge.LevelWarn, "a part is missing", "part", p.name, "why", err.Error())
			missing += " " + p.name
			value = []byte("null")
		}
		body.Write(value)
	}
	body.WriteString("}\n")
	status := 200
	if strings.Count(missing, " ") == len(parts) {
		status = 502
	}
	r, err := h.Respond(status, body.String())
	if err != nil {
		return err
	}
	if err := r.Header.Set("Content-Type", "application/json"); err != nil {
		return err
	}
	if missing != "" {
		if err := r.Header.Set("X-Missing", strings.TrimSpace(missing)); err != nil {
			return err
		}
	}
	// The parts are stored, each for as long as its origin says. The whole is made anew, which costs no origin anything.
	return r.Header.Set("Cache-Control", "no-store")
}

// answer waits for a part. It must be JSON, so that a broken part does not break the whole.
func answer(p *wedge.Pending) ([]byte, error) {
	r, err := p.Response()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.Status != 200 {
		return nil, errors.New("the origin did not answer 200")
	}
	body, err := r.Body(maxBody)
	if err != nil {
		return nil, err
	}
	if !json.Valid(body) {
		return nil, errors.New("what came is no JSON")
	}
	return body, nil
}

// settings reads the parts, as "user=accounts/me; news=cms/latest?n=3": a name, an origin, a path.
func settings() (parts []part, err error) {
	text, _ := wedge.Config("parts")
	for rule := range strings.SplitSeq(text, ";") {
		if rule = strings.TrimSpace(rule); rule == "" {
			continue
		}
		name, from, ok := strings.Cut(rule, "=")
		origin, path, rooted := strings.Cut(from, "/")
		if !ok || !rooted || name == "" || origin == "" {
			return nil, errors.New(`config parts: "` + rule + `" is no part: write NAME=ORIGIN/PATH; NAME=ORIGIN/PATH`)
		}
		parts = append(parts, part{strings.TrimSpace(name), strings.TrimSpace(origin), "/" + path})
	}
	if len(parts) == 0 || len(parts) > maxParts {
		return nil, errors.New("config parts: from 1 to 8 of them")
	}
	return parts, nil
}
