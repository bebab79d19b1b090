// Command auth lets requests pass that carry a valid token (JWT, signed with HS256 or EdDSA) or a valid API key, and challenges all others. It is a
// function for the hook on_request; its README says how it is configured, and what it guards against.
package main

import (
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(guard) }

func main() {} // never runs

// subjectField tells the origin who asks. What a client sends under that name is removed.
const subjectField = "X-Auth-Subject"

func guard(h *wedge.RequestHook) error {
	c, err := settings()
	if err != nil {
		return err // the operator's fault: the binding's on_failure decides, and closed is its default
	}
	if err := h.Request.Header.Remove(subjectField); err != nil {
		return err
	}
	who, refused, err := c.identify(h.Request)
	if err != nil {
		return err
	}
	if refused != nil {
		wedge.Log(wedge.LevelInfo, "refused", "code", refused.code, "why", refused.why)
		return c.challenge(h, refused)
	}
	if err := wedge.SetVar("subject", who); err != nil {
		return err
	}
	if c.share {
		// All who may pass get the same: nothing of the one who asked may reach the origin.
		if err := h.Request.Header.Remove("Authorization"); err != nil {
			return err
		}
		return h.Request.Header.Remove(c.keyField)
	}
	// What is answered may be for this user only, and the node cannot know that an API key names a user: past the cache.
	if err := h.Bypass(); err != nil {
		return err
	}
	return h.Request.Header.Set(subjectField, who)
}

// A refusal is why a request does not pass. Its why goes to the log and is no secret; clients get code and description.
type refusal struct {
	status      int
	code        string // of RFC 6750 §3.1, "" if the request has no credentials
	description string
	why         string
}

func noCredentials() *refusal { return &refusal{401, "", "", "no credentials"} }

func badRequest(why string) *refusal {
	return &refusal{400, "invalid_request", "the credentials are malformed", why}
}

func badToken(why string) *refusal {
	return &refusal{401, "invalid_token", "the token is not valid", why}
}

func badKey() *refusal {
	return &refusal{401, "invalid_token", "the API key is not valid", "unknown or revoked API key"}
}

// identify says who asks, or why the request does not pass. An error is the node's or the operator's fault.
func (c *config) identify(r wedge.Request) (who string, _ *refusal, err error) {
	fields, keys := r.Header.Count("Authorization"), r.Header.Count(c.keyField)
	// "Clients MUST NOT use more than one method to transmit the token in each request."
	// https://www.rfc-editor.org/rfc/rfc6750#section-2
	switch {
	case fields+keys == 0:
		return "", noCredentials(), nil
	case fields+keys > 1:
		return "", badRequest("more than one credential"), nil
	case keys == 1 && c.keys == "":
		return "", noCredentials(), nil
	case keys == 1:
		return c.identifyKey(r.Header.Value(c.keyField))
	}
	// "... it uses a case-insensitive token to identify the authentication scheme"
	// https://www.rfc-editor.org/rfc/rfc9110#section-11.1-2
	scheme, credentials, _ := strings.Cut(r.Header.Value("Authorization"), " ")
	switch {
	case !strings.EqualFold(scheme, "Bearer") || c.algorithm == "":
		return "", noCredentials(), nil // of a scheme that is not ours: we say which is
	default:
		return c.identifyToken(strings.Trim(credentials, " "))
	}
}

// challenge answers as RFC 6750 §3 asks.
func (c *config) challenge(h *wedge.RequestHook, r *refusal) error {
	scheme := "Bearer"
	if c.algorithm == "" {
		scheme = "ApiKey"
	}
	// "If the request lacks any authentication information ..., the resource server SHOULD NOT include an error code or other error information."
	// https://www.rfc-editor.org/rfc/rfc6750#section-3.1
	text := scheme + ` realm="` + c.realm + `"`
	if r.code != "" {
		text += `, error="` + r.code + `", error_description="` + r.description + `"`
	}
	if r.code == "insufficient_scope" {
		text += `, scope="` + c.scope + `"`
	}
	body := r.description
	if body == "" {
		body = "authentication is required"
	}
	resp, err := h.Respond(r.status, body+"\n")
	if err != nil {
		return err
	}
	for _, f := range [...][2]string{
		{"WWW-Authenticate", text},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Cache-Control", "no-store"},
	} {
		if err := resp.Header.Set(f[0], f[1]); err != nil {
			return err
		}
	}
	return nil
}
