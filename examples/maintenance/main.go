// Command maintenance shows a page of its own when the origin fails, and when the operator says so. It is a function for the hooks on_request and
// on_error; its README says how it is configured.
package main

import (
	"errors"
	"strconv"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(announced) }

//go:wasmexport on_error
func onError() int32 { return wedge.OnError(failed) }

func main() {} // never runs

// notice is the store's name, and the key under which an operator announces that the site is closed: the text stands on the page.
const (
	store  = wedge.KV("maintenance")
	notice = "notice"
)

// announced answers at once while the site is closed, except to those who work on it.
func announced(h *wedge.RequestHook) error {
	text, err := store.Value(notice)
	if errors.Is(err, wedge.ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	if pass, ok := wedge.Secret("pass"); ok {
		if v, has := h.Request.Cookie("maintenance-pass"); has && wedge.Equal(pass, []byte(v)) {
			// What they see is not for everybody yet.
			return h.Bypass()
		}
	}
	r, err := h.Respond(503, page(h.Request.RequestView, "We are working on it", text))
	if err != nil {
		return err
	}
	return dress(r, h.Request.RequestView)
}

// failed answers for an origin that did not. It runs only where the cache has nothing stale that may stand in.
func failed(h *wedge.ErrorHook) error {
	wedge.Log(wedge.LevelWarn, "the origin failed", "why", h.Failure(), "path", h.Request.Path())
	r, err := h.Respond(503, page(h.Request, "Sorry, that did not work", "The page could not be fetched. It was our fault, and we have been told."))
	if err != nil {
		return err
	}
	return dress(r, h.Request)
}

// dress sets what goes with the page.
func dress(r wedge.Response, q wedge.RequestView) error {
	wait := "120"
	if v, ok := wedge.Config("retry_after"); ok {
		if n, err := strconv.Atoi(v); err != nil || n < 1 {
			return errors.New("config retry_after: a number of seconds, from 1")
		}
		wait = v
	}
	kind := "text/html; charset=utf-8"
	if wantsJSON(q) {
		kind = "application/problem+json"
	}
	for _, f := range [...][2]string{
		{"Content-Type", kind},
		// "the server MAY send a Retry-After header field … to suggest an appropriate amount of time for the client to wait before retrying the request."
		// https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4
		{"Retry-After", wait},
		{"Cache-Control", "no-store"},
	} {
		if err := r.Header.Set(f[0], f[1]); err != nil {
			return err
		}
	}
	return nil
}

// page is the page, or for programs an object of RFC 9457. The exchange's id leads from a complaint to the log.
func page(q wedge.RequestView, title, text string) string {
	if wantsJSON(q) {
		return `{"title":` + quoted(title) + `,"status":503,"detail":` + quoted(text) + `,"instance":"` + wedge.ID() + `"}` + "\n"
	}
	return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>` + escaped(title) + `</title>` +
		`<style>body{font:1.1em/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}small{color:#666}</style>` +
		`<h1>` + escaped(title) + `</h1><p>` + escaped(text) + `</p><p><small>` + wedge.ID() + `</small></p></html>` + "\n"
}

// wantsJSON tells programs from people.
func wantsJSON(q wedge.RequestView) bool {
	accept := q.Header.Value("Accept")
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(s)
}

// quoted is a JSON string. Control characters become spaces: nobody needs one in a notice.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))) + `"`
}
