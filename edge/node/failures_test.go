package node_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// What a function did when it failed stands in the operators' API, in its log and in the operator's, with its line, and
// a client learns nothing of it.
func TestFailureIsToldToItsAuthor(t *testing.T) {
	g := newGuest()
	module := enginetest.WithLines(g.hook("on_request", g.do("log", enginetest.I32(1), g.text("about to fall"), enginetest.I32(0), enginetest.I32(0)), enginetest.Unreachable).bytes())
	w := newWorld(t, `functions: [{name: f, module: f.wasm}, {name: g}]
origins: [{name: o, servers: [{url: "http://127.0.0.1:9"}]}]
sites: [{hosts: [a.example], origin: o, functions: [f]}, {hosts: [b.example], origin: o, functions: [g]}]
`, map[string][]byte{"f.wasm": module})
	w.deploy("g", module)
	for name, host := range map[string]string{"f": "a.example", "g": "b.example"} {
		first := w.get("http://" + host + "/")
		last := w.get("http://" + host + "/again")
		for _, secret := range []string{"guest.src", "unreachable", "spent", "wedge.log"} {
			if first.status != 500 || strings.Contains(first.body, secret) {
				t.Errorf("a client is told of %q: %d %s", secret, first.status, first.body)
			}
		}
		var f admin.Function
		eventually(t, "the failure is looked into", func() bool {
			f = admin.Function{}
			if err := json.Unmarshal([]byte(w.did("GET", "/v1/functions/"+name, nil).body), &f); err != nil {
				t.Fatal(err)
			}
			return len(f.Failures) == 1 && f.Failures[0].Count == 2 && f.Failures[0].Stack[0].File != ""
		})
		got := f.Failures[0]
		if got.During != "on_request" || got.Kind != "unreachable" || got.LastHostCall != "wedge.log" || got.Version != f.Active || got.First.After(got.Last) || len(got.Budgets) < 5 {
			t.Errorf("%s: %+v", name, got)
		}
		if id := last.header.Get("X-Request-Id"); got.Request != id || id == "" {
			t.Errorf("%s: of request %q, the last was %q", name, got.Request, id)
		}
		if s := got.Stack; len(s) != 1 || s[0].File != "guest.src" || s[0].Line == 0 || s[0].Offset == 0 {
			t.Errorf("%s: stack %+v", name, s)
		}
		if len(got.Log) != 1 || !strings.Contains(got.Log[0], "about to fall") {
			t.Errorf("%s: log %q", name, got.Log)
		}
		var logs admin.LogPage
		eventually(t, "the log has the stack", func() bool {
			if err := json.Unmarshal([]byte(w.did("GET", "/v1/functions/"+name+"/logs", nil).body), &logs); err != nil {
				t.Fatal(err)
			}
			all := ""
			for _, l := range logs.Lines {
				all += l.Message + "\n"
			}
			return strings.Contains(all, "guest.src:") && strings.Contains(all, "last host call: wedge.log") && strings.Contains(all, "spent: fuel ")
		})
	}
	eventually(t, "the operator's log has one line of each", func() bool {
		return strings.Count(w.stderr.String(), "a function failed in a new way") == 2
	})
	if list := w.did("GET", "/v1/functions", nil).body; strings.Contains(list, "failures") {
		t.Error("the list of functions is full of failures")
	}
}
