package node

import (
	"errors"
	"fmt"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
)

// What show says of a request is for the owner of its site alone.
func TestShowKeepsOwnersApart(t *testing.T) {
	n, _ := startNode(t, `
listen: {http: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
data: ./data
cache: {memory: 8MiB}
origins:
  - {name: a, owner: acme, servers: [{url: "http://127.0.0.1:9"}]}
  - {name: b, servers: [{url: "http://127.0.0.1:9"}]}
sites:
  - {hosts: [a.example], owner: acme, origin: a}
  - {hosts: [b.example], origin: b}
`)
	defer n.Shutdown(t.Context())
	f := func(owner string, q admin.ShowRequest, want string) {
		t.Helper()
		s, err := cacheAPI{n}.Show(t.Context(), owner, q)
		got := fmt.Sprintf("%s %s %s %d parts", s.Method, s.URL, s.Outcome, len(s.Parts))
		if e, ok := errors.AsType[*admin.Error](err); ok {
			got = fmt.Sprintf("%s %s", e.Code, e.Field)
		} else if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("owner %q, %+v:\n got %s\nwant %s", owner, q, got, want)
		}
	}
	f("acme", admin.ShowRequest{URL: "http://a.example/x/../y?q"}, "GET http://a.example/y?q miss 7 parts")
	f("acme", admin.ShowRequest{URL: "HTTP://A.example:80/"}, "GET http://a.example/ miss 6 parts")
	f("default", admin.ShowRequest{URL: "http://a.example/"}, "not_found url")
	f("acme", admin.ShowRequest{URL: "http://b.example/"}, "not_found url")
	f("default", admin.ShowRequest{URL: "http://b.example/", Method: "POST"}, "POST http://b.example/ pass 0 parts")
	f("default", admin.ShowRequest{URL: "http://b.example/", Method: "TRACE"}, "TRACE http://b.example refused 0 parts")
	f("default", admin.ShowRequest{URL: "http://nobody.example/"}, "not_found url")
	f("default", admin.ShowRequest{URL: "ftp://b.example/"}, "invalid url")
	f("default", admin.ShowRequest{URL: "http://b.example/\x00"}, "invalid url")
	f("default", admin.ShowRequest{URL: "http://b.example/", Method: "G T"}, "invalid method")
	f("default", admin.ShowRequest{URL: "http://b.example/", Fields: []admin.Field{{Name: "a b", Value: "c"}}}, "invalid fields")
	f("default", admin.ShowRequest{URL: "http://b.example/", Fields: []admin.Field{{Name: "a", Value: "c\r\nd: e"}}}, "invalid fields")
	f("default", admin.ShowRequest{URL: "http://b.example/", Client: "here"}, "invalid client")
	f("default", admin.ShowRequest{URL: "http://b.example/", Client: "2001:db8::1", Fields: []admin.Field{{Name: "Range", Value: "bytes=0-1"}}}, "GET http://b.example/ miss 6 parts")
}
