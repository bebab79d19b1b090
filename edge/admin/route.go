package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route finds the operation of a request and the values of its path's
// parameters. The path is taken as it was sent: nothing is cleaned, joined or
// redirected.
func (s *Server) route(w http.ResponseWriter, r *http.Request) (*operation, map[string]string, error) {
	path := r.URL.EscapedPath()
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allow []string
	for i := range s.operations {
		o := &s.operations[i]
		values, ok := match(o.path, path)
		if !ok {
			continue
		}
		if o.method == method {
			return o, values, nil
		}
		allow = append(allow, o.method)
		if o.method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	if allow != nil {
		slices.Sort(allow)
		// "The origin server MUST generate an Allow header field in a 405 response"
		// https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6-1
		w.Header().Set("Allow", strings.Join(allow, ", "))
		return nil, nil, &Error{Code: MethodNotAllowed, Message: "this path does not take that method", Hint: "it takes " + strings.Join(allow, ", ")}
	}
	return nil, nil, &Error{Code: NotFound, Message: "there is nothing under this path", Hint: "GET /v1/openapi.json lists what there is"}
}

// match compares a path, percent-encoded, with an operation's.
func match(pattern, path string) (values map[string]string, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	for i := range want {
		if !strings.HasPrefix(want[i], "{") {
			if want[i] != got[i] {
				return nil, false
			}
			continue
		}
		v, err := url.PathUnescape(got[i])
		if err != nil || v == "" {
			return nil, false
		}
		if values == nil {
			values = map[string]string{}
		}
		values[want[i][1:len(want[i])-1]] = v
	}
	return values, true
}

// checkName refuses what is not the name of an owner, a function or a store.
func checkName(field, s string) error {
	ok := s != "" && len(s) <= 63
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			ok = false
		}
	}
	if !ok {
		return &Error{Code: BadRequest, Field: field, Message: fmt.Sprintf("%.80q is not a name", s), Hint: "a name has 1 to 63 of a-z, 0-9, '.', '_', '-', and begins with a letter or a digit"}
	}
	return nil
}
