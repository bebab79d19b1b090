package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// MinToken is the shortest secret of a token, in bytes.
const MinToken = 16

// A Token opens a part of the API to whoever knows its secret.
type Token struct {
	// Name is what the audit log calls it.
	Name string
	// Owner is for whom it may be used; "" is every owner.
	Owner  string
	Scopes []Scope
	Secret string
}

// A caller is who makes a request.
type caller struct {
	name   string // of the token
	owner  string // "" is every owner
	scopes []Scope
}

// local is who calls a loopback listener for which no token is configured.
var local = &caller{name: "loopback", scopes: []Scope{ScopeAdmin}}

// may says whether a caller has a scope.
func (c *caller) may(s Scope) bool {
	return s == scopeOpen || slices.Contains(c.scopes, ScopeAdmin) || slices.Contains(c.scopes, s)
}

// tokens is an immutable set of tokens. It holds no secret, only hashes: what
// is compared has one length, and what leaks by a dump of memory opens nothing.
type tokens []hashed

type hashed struct {
	sum [sha256.Size]byte
	caller
}

func newTokens(list []Token) (tokens, error) {
	var set tokens
	var errs []error
	for _, t := range list {
		h := hashed{sha256.Sum256([]byte(t.Secret)), caller{t.Name, t.Owner, slices.Clone(t.Scopes)}}
		switch {
		case len(t.Secret) < MinToken:
			errs = append(errs, fmt.Errorf("admin: token %s has %d bytes: use at least %d, as `openssl rand -hex 32` makes them", t.Name, len(t.Secret), MinToken))
		case strings.Trim(t.Secret, b64token) != "":
			errs = append(errs, fmt.Errorf("admin: token %s has characters that cannot be sent: use letters, digits and -._~+/=", t.Name))
		}
		for i := range set {
			if set[i].sum == h.sum {
				errs = append(errs, fmt.Errorf("admin: tokens %s and %s are the same: make another one, or the audit log cannot tell them apart", set[i].name, t.Name))
			}
		}
		set = append(set, h)
	}
	return set, errors.Join(errs...)
}

// "b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=""
// https://www.rfc-editor.org/rfc/rfc6750#section-2.1
const b64token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

// find returns whose secret it is, nil if nobody's. How long it takes depends
// on neither the secret nor on which token matches.
func (set tokens) find(secret string) *caller {
	sum := sha256.Sum256([]byte(secret))
	found := -1
	for i := range set {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], set[i].sum[:]), i, found)
	}
	if found < 0 {
		return nil
	}
	return &set[found].caller
}

// SetTokens replaces the tokens, as a reload does. Requests under way finish
// as who they are. Beyond loopback there must be one.
func (s *Server) SetTokens(list []Token) error {
	set, err := newTokens(list)
	if err != nil {
		return err
	}
	if len(set) == 0 && !s.opt.Loopback {
		return errors.New("admin: no token is configured and the listener can be reached from other machines: set admin.token_file, or listen on 127.0.0.1")
	}
	s.tokens.Store(&set)
	return nil
}

// bearer returns the secret that a request shows, "" if none.
func bearer(h http.Header) (secret string, err error) {
	fields := h.Values("Authorization")
	if len(fields) == 0 {
		return "", nil
	}
	scheme, secret, _ := strings.Cut(fields[0], " ")
	secret = strings.Trim(secret, " ")
	// "[…] uses a case-insensitive token to identify the authentication scheme"
	// https://www.rfc-editor.org/rfc/rfc9110#section-11.1-1
	if len(fields) > 1 || !strings.EqualFold(scheme, "Bearer") || secret == "" || strings.Trim(secret, b64token) != "" {
		return "", &Error{Code: Unauthorized, Message: "the Authorization field is not of the form: Bearer TOKEN", Hint: "send the content of the token file, without spaces or line ends"}
	}
	return secret, nil
}

// identify says who makes a request. On failure it sets the challenge.
func (s *Server) identify(w http.ResponseWriter, r *http.Request, o *operation) (*caller, error) {
	if o.scope == scopeOpen || o.id == "metrics" && s.opt.Loopback {
		return nil, nil
	}
	set := *s.tokens.Load()
	if len(set) == 0 {
		return local, nil
	}
	peer := peerOf(r)
	challenge := `Bearer realm="wedge"`
	now := s.opt.Now()
	if wait := s.attempts.blocked(peer, now); wait > 0 {
		s.refused(peer, "blocked")
		w.Header().Set("Retry-After", seconds(wait))
		return nil, &Error{Code: TooMany, Message: "too many wrong tokens came from your address", Hint: fmt.Sprintf("wait %s seconds, then use the right token", seconds(wait))}
	}
	secret, err := bearer(r.Header)
	if err == nil && secret == "" {
		// "If the request lacks any authentication information […], the resource server SHOULD NOT include an error code"
		// https://www.rfc-editor.org/rfc/rfc6750#section-3.1-3
		w.Header().Set("WWW-Authenticate", challenge)
		s.refused(peer, "missing")
		return nil, &Error{Code: Unauthorized, Message: "this needs a token", Hint: "give --token-file, or send the field: Authorization: Bearer TOKEN"}
	}
	if err == nil {
		if who := set.find(secret); who != nil {
			return who, nil
		}
		err = &Error{Code: Unauthorized, Message: "the token is not one of this node's", Hint: "compare it with the file that admin.token_file or admin.tokens names; a changed file counts after a reload"}
	}
	s.attempts.failed(peer, now)
	s.refused(peer, "wrong")
	w.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
	return nil, err
}

// permit checks the caller's scope.
func permit(w http.ResponseWriter, who *caller, o *operation) error {
	if who == nil || who.may(o.scope) {
		return nil
	}
	// "insufficient_scope […] The resource server SHOULD respond with the HTTP 403 (Forbidden) status code and MAY include the "scope" attribute"
	// https://www.rfc-editor.org/rfc/rfc6750#section-3.1-4
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="wedge", error="insufficient_scope", scope=%q`, string(o.scope)))
	hint := fmt.Sprintf("give the token the scope %s in admin.tokens, or use another", o.scope)
	if o.scope == ScopeAdmin {
		hint = "use the operator's token, the one of admin.token_file"
	}
	return &Error{Code: Forbidden, Message: fmt.Sprintf("token %s has not the scope %s", who.name, o.scope), Hint: hint}
}

func (s *Server) refused(peer, why string) {
	if s.opt.Events.Refused != nil {
		s.opt.Events.Refused(peer, why)
	}
}
