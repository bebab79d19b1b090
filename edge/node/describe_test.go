package node_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
)

// A version is described by what it is made of, and by what its hooks cost when there is nothing to do; whoever asks changes nothing.
func TestDescribeVersion(t *testing.T) {
	w, _ := canaryWorld(t, marks("one"))
	f := func(version string) (d admin.VersionDetail) {
		t.Helper()
		if err := json.Unmarshal([]byte(w.did("GET", "/v1/functions/f/version?version="+version, nil).body), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	one := f(w.function().Active)
	if !one.Runs || !slices.Contains(one.Imports, "wedge.field_set") || !slices.Contains(one.Exports, "on_fetched") || one.Memory != memory<<16 {
		t.Errorf("%+v", one)
	}
	var hooks []string
	for _, k := range one.Calls {
		if hooks = append(hooks, k.Hook); k.Fuel == 0 || k.Failed != "" {
			t.Errorf("%+v", k)
		}
	}
	if !slices.Equal(hooks, []string{"on_response", "on_fetched"}) {
		t.Errorf("calls of %q", hooks)
	}
	w.try(traps("on_request"), "canary_header=X-Canary: 1", "rollback_on=errors 0%")
	for range 3 {
		if d := f(w.function().Canary.Version); d.Runs || len(d.Calls) != 1 || d.Calls[0].Failed != "function-trap" {
			t.Errorf("%+v", d)
		}
	}
	if c := w.function().Canary; c == nil || c.Calls != 0 {
		t.Errorf("describing a version counts against it: %+v", c)
	}
	if r := w.api("GET", "/v1/functions/f/version?version=00000000", nil); r.status != 404 {
		t.Errorf("%d %s", r.status, r.body)
	}
}
