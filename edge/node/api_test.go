package node

import (
	"errors"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
)

// A purge for an owner that nobody has is a slip of the pen, or an attempt to
// make the node remember names without end.
func TestPurgeOfUnknownOwner(t *testing.T) {
	n, _ := startNode(t, `
listen: {http: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
data: ./data
cache: {memory: 8MiB}
origins: [{name: a, owner: acme, servers: [{url: "http://127.0.0.1:9"}]}]
sites: [{hosts: [a.example], owner: acme, origin: a}]
`)
	defer n.Shutdown(t.Context())
	f := func(owner string, want admin.Code) {
		t.Helper()
		_, err := cacheAPI{n}.Purge(t.Context(), owner, admin.PurgeRequest{Tag: "t"})
		var got admin.Code
		if e, ok := errors.AsType[*admin.Error](err); ok {
			got = e.Code
		}
		if got != want {
			t.Errorf("owner %q: %v (%s), want %q", owner, err, got, want)
		}
	}
	f("acme", "")
	f("default", "")
	f("acne", admin.NotFound)
	f("", admin.NotFound)
}
