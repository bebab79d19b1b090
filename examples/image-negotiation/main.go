// Command image-negotiation has a client get each picture in the best format that it understands and in a width that suits its screen, with one stored
// response for each of the few that there are. It is a function for the hooks on_request and on_response; its README says how it is configured.
package main

import (
	"errors"
	"strconv"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(choose) }

//go:wasmexport on_response
func onResponse() int32 { return wedge.OnResponse(tell) }

func main() {} // never runs

// chosen is the variable by which on_request tells on_response that the picture depends on the client.
const chosen = "image-negotiation"

func choose(h *wedge.RequestHook) error {
	q := h.Request
	if (q.Method() != "GET" && q.Method() != "HEAD") || !isPicture(q.Path()) {
		return nil
	}
	c, err := settings()
	if err != nil {
		return err
	}
	query := "format=" + format(q.Header.HeaderView, c.formats)
	if w := width(q.Header.HeaderView, c.widths); w > 0 {
		query += "&width=" + strconv.Itoa(w)
	}
	// What a client asks for in the query is dropped: it could ask the resizer for any of a million sizes. What is left are as many stored
	// responses as formats times widths, because path and query are the key.
	if err := q.SetQuery(query); err != nil {
		return err
	}
	return wedge.SetVar(chosen, "1")
}

// tell says on what the choice depends, to caches behind this node, and which hints are wanted, to the browser.
func tell(h *wedge.ResponseHook) error {
	if _, ok := wedge.Var(chosen); !ok {
		return nil
	}
	if err := h.Response.Header.Add("Vary", "Accept, Save-Data, Sec-CH-DPR, Sec-CH-Viewport-Width, Sec-CH-Width"); err != nil {
		return err
	}
	// "The Accept-CH response header field indicates server support for the hints indicated in its value."
	// https://www.rfc-editor.org/rfc/rfc8942#section-3.1
	return h.Response.Header.Set("Accept-CH", "Sec-CH-DPR, Sec-CH-Viewport-Width, Sec-CH-Width")
}

func isPicture(path string) bool {
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 {
		return false
	}
	switch strings.ToLower(path[dot:]) {
	case ".jpg", ".jpeg", ".png", ".webp", ".avif":
		return true
	}
	return false
}

// format is the first of our formats that the client names in Accept and does not refuse. A range as "image/*" says nothing of what a browser can
// decode: they all send it, the old ones too.
func format(h wedge.HeaderView, ours []string) string {
	accepted := map[string]bool{}
	for line := range h.Values("Accept") {
		for member := range strings.SplitSeq(line, ",") {
			kind, parameters, _ := strings.Cut(member, ";")
			if name, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(kind)), "image/"); ok {
				accepted[name] = !refused(parameters)
			}
		}
	}
	for _, name := range ours {
		if accepted[name] {
			return name
		}
	}
	return "original"
}

// refused tells whether parameters hold a weight of 0. "a value of 0 means "not acceptable"." https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2
func refused(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		name, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		weight, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return err == nil && weight == 0
	}
	return false
}

// width is the least of our widths that fills the client's screen, 0 if it does not say how wide that is. Who saves data gets the smallest.
func width(h wedge.HeaderView, ours []int) int {
	if len(ours) == 0 {
		return 0
	}
	if strings.EqualFold(strings.TrimSpace(h.Value("Save-Data")), "on") {
		return ours[0]
	}
	// Sec-CH-Width is in the screen's own pixels, Sec-CH-Viewport-Width in those of CSS.
	wanted := number(h, "Sec-CH-Width")
	if wanted == 0 {
		ratio := number(h, "Sec-CH-DPR")
		if ratio == 0 {
			ratio = 1
		}
		wanted = number(h, "Sec-CH-Viewport-Width") * ratio
	}
	if wanted == 0 {
		return 0
	}
	for _, w := range ours {
		if float64(w) >= wanted {
			return w
		}
	}
	return ours[len(ours)-1]
}

// number is a positive number that a hint says, 0 for everything else: clients send what they like.
func number(h wedge.HeaderView, name string) float64 {
	n, err := strconv.ParseFloat(strings.TrimSpace(h.Value(name)), 64)
	if err != nil || !(n > 0 && n < 100_000) {
		return 0
	}
	return n
}

type config struct {
	formats []string
	widths  []int // ascending
}

func settings() (c config, err error) {
	formats, ok := wedge.Config("formats")
	if !ok {
		formats = "avif,webp"
	}
	for name := range strings.SplitSeq(formats, ",") {
		if name = strings.TrimSpace(name); name != "" {
			c.formats = append(c.formats, name)
		}
	}
	widths, ok := wedge.Config("widths")
	if !ok {
		widths = "320,640,1024,1600,2560"
	}
	for text := range strings.SplitSeq(widths, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || len(c.widths) > 0 && n <= c.widths[len(c.widths)-1] {
			return c, errors.New("config widths: numbers of pixels, from small to large, as 320,640,1024")
		}
		c.widths = append(c.widths, n)
	}
	return c, nil
}
