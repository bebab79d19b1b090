// Command cache-key makes spellings of one URL equal, so that they share one stored response: it drops the parameters that only track where a click
// came from, sorts the rest, and adds the class of the device to the cache key. It is a function for the hook on_request; its README says how it
// is configured.
package main

import (
	"errors"
	"slices"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(normalise) }

func main() {} // never runs

// tracking are the parameters of newsletters, advertisements and social networks.
const tracking = "utm_* gclid gclsrc gbraid wbraid dclid gad_source gad_campaignid srsltid fbclid igshid msclkid twclid ttclid yclid " +
	"li_fat_id mc_cid mc_eid mkt_tok _hsenc _hsmi _ga _gl ref_src"

// deviceField tells the origin the class of the device.
const deviceField = "X-Device-Class"

func normalise(h *wedge.RequestHook) error {
	if err := query(h); err != nil {
		return err
	}
	return device(h)
}

// query drops and sorts parameters. It does so in the request itself: what the key leaves out but the origin sees is a way to put something into the
// response of everybody else.
func query(h *wedge.RequestHook) error {
	drop := setting("drop", tracking)
	if more, ok := wedge.Config("drop_also"); ok {
		drop += " " + more
	}
	only, limited := wedge.Config("only")
	if v := setting("rewrite", "true"); v == "false" {
		return keyOnly(h, drop, limited)
	} else if v != "true" {
		return errors.New("config rewrite: true or false")
	}
	before := h.Request.Query()
	var kept []string
	for parameter := range strings.SplitSeq(before, "&") {
		name, _, _ := strings.Cut(parameter, "=")
		if parameter == "" || matches(drop, name) || limited && !matches(only, name) {
			continue
		}
		kept = append(kept, parameter)
	}
	// Stable: the order of several values of one name may mean something.
	slices.SortStableFunc(kept, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	})
	after := strings.Join(kept, "&")
	if after == before && (before != "" || !strings.HasSuffix(h.Request.URI(), "?")) {
		return nil
	}
	return h.Request.SetQuery(after)
}

// keyOnly leaves the request alone and says the same to the key, for an origin that must see all parameters.
func keyOnly(h *wedge.RequestHook, drop string, limited bool) error {
	if limited {
		return errors.New("config only: it needs rewrite: true")
	}
	for name := range strings.FieldsSeq(drop) {
		if err := h.Key.Ignore(name); err != nil {
			return err
		}
	}
	return h.Key.SortQuery()
}

func setting(name, otherwise string) string {
	if v, ok := wedge.Config(name); ok {
		return v
	}
	return otherwise
}

// matches tells whether a list has the name; a trailing "*" in the list stands for any rest.
func matches(list, name string) bool {
	for pattern := range strings.FieldsSeq(list) {
		if begin, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasPrefix(name, begin) || pattern == name {
			return true
		}
	}
	return false
}

// device adds the class to the key and tells it the origin, so that the two cannot differ.
func device(h *wedge.RequestHook) error {
	switch v := setting("device", "false"); v {
	case "true":
	case "false":
		return nil
	default:
		return errors.New("config device: true or false")
	}
	class, ok := wedge.Client(wedge.Device)
	if !ok {
		class = classify(h.Request.Header.Value("User-Agent"))
	}
	if err := h.Key.Add("device", class); err != nil {
		return err
	}
	return h.Request.Header.Set(deviceField, class)
}

// classify guesses the class, one of four whatever the client says, so that nobody can fill the cache with classes.
func classify(agent string) string {
	const longest = 512 // of what is looked at
	agent = strings.ToLower(agent[:min(len(agent), longest)])
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(agent, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("bot", "crawler", "spider", "slurp", "facebookexternalhit"):
		return "bot"
	case has("ipad", "tablet", "kindle", "silk/", "playbook") || has("android") && !has("mobile"):
		return "tablet"
	case has("mobi", "iphone", "ipod", "windows phone", "opera mini"):
		return "mobile"
	}
	return "desktop"
}
