// Command signed-urls lets only those pass who have a URL that the site signed, until the time that stands in it, and stores one response for all of
// them. It is a function for the hook on_request; its README says how URLs are signed.
package main

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(admit) }

func main() {} // never runs

// The parameters of a signed URL.
const (
	expires   = "expires"   // seconds since 1970
	scope     = "prefix"    // the path that the signature is good for, with all below it; absent: this path alone
	signature = "signature" // of all that, in base64url without padding
)

func admit(h *wedge.RequestHook) error {
	// A link is for reading: what it leads to must not be changed by whoever has it.
	if m := h.Request.Method(); m != "GET" && m != "HEAD" {
		return refuse(h, 403, "a signed link is for GET and HEAD")
	}
	s, err := read(h.Request.Query())
	if err != nil {
		return refuse(h, 400, err.Error())
	}
	if s.signature == "" {
		return refuse(h, 403, "this address needs a signature")
	}
	good, err := s.good(h.Request.Host(), h.Request.Path())
	if err != nil {
		return err // the secret is missing: the operator's mistake, not the client's
	}
	// Whether a link is forged or has expired is said only about signatures that are good: to others it would tell how far they got.
	switch {
	case !good:
		return refuse(h, 403, "the signature is not good for this address")
	case wedge.Now().Unix() >= s.until:
		return refuse(h, 410, "this link has expired")
	}
	// Neither the origin nor the cache sees what is the client's own: one stored response serves all who may have it.
	return h.Request.SetQuery(s.rest)
}

// A signed is what a query holds: the three parameters, and the rest as it came.
type signed struct {
	until             int64
	prefix, signature string
	rest              string
}

var errTwice = errors.New("a parameter of the signature stands twice")

func read(query string) (s signed, err error) {
	var until string
	var rest []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		var to *string
		switch name {
		case expires:
			to = &until
		case scope:
			to = &s.prefix
		case signature:
			to = &s.signature
		default:
			if pair != "" {
				rest = append(rest, pair)
			}
			continue
		}
		// Of two values the origin might believe the one that was not checked.
		if *to != "" {
			return s, errTwice
		}
		*to = value
	}
	s.rest = strings.Join(rest, "&")
	if s.signature == "" {
		return s, nil
	}
	if s.until, err = strconv.ParseInt(until, 10, 64); err != nil || s.until < 0 {
		return s, errors.New("expires is no number of seconds since 1970")
	}
	return s, nil
}

// good tells whether the signature is right, for this host and path.
func (s signed) good(host, path string) (bool, error) {
	what := path
	if s.prefix != "" {
		// A prefix ends with a slash: "/films/7" would be good for /films/70 too.
		if !strings.HasPrefix(s.prefix, "/") || !strings.HasSuffix(s.prefix, "/") || !strings.HasPrefix(path, s.prefix) {
			return false, nil
		}
		// The node resolves "..", but to some origins "..;x" is the folder above as well.
		if strings.Contains(path[len(s.prefix)-1:], "/..") {
			return false, nil
		}
		what = s.prefix + "*" // no path that comes alone ends so and is meant as one: see the README
	}
	claimed, err := base64.RawURLEncoding.DecodeString(s.signature)
	if err != nil {
		return false, nil
	}
	// The secret stays with the node. Lines end each part, and none can hold a line's end.
	sum, err := wedge.SHA256.HMACSecret("key", []byte(host+"\n"+what+"\n"+strconv.FormatInt(s.until, 10)+"\n"+s.signedRest()))
	if err != nil {
		return false, err
	}
	return wedge.Equal(sum, claimed), nil
}

// signedRest is what of the query is signed: all, unless the operator lets clients choose the rest.
func (s signed) signedRest() string {
	if v, _ := wedge.Config("query"); v == "free" || s.prefix != "" {
		return ""
	}
	return s.rest
}

func refuse(h *wedge.RequestHook, status int, why string) error {
	r, err := h.Respond(status, why+"\n")
	if err != nil {
		return err
	}
	if err := r.Header.Set("Content-Type", "text/plain; charset=utf-8"); err != nil {
		return err
	}
	return r.Header.Set("Cache-Control", "no-store")
}
