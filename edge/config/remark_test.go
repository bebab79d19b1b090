package config

import "testing"

// A remark stands at the value, or at the nearest thing around it that the file names.
func TestRemarks(t *testing.T) {
	const text = "origins: [{name: o, servers: [{url: http://a}]}]\n" +
		"sites:\n" +
		"- hosts: [a]\n" +
		"  origin: o\n" +
		"  cache: {segment: 1MiB}\n" +
		"  routes: [{path: /a}, {path: /b, cache: {segment: 2MiB}}]\n"
	f := func(text, path, want string) {
		t.Helper()
		got := Remarks("wedge.yaml", []byte(text), []Remark{{path, "no effect", "remove it"}})
		if len(got) != 1 || got[0].Error() != want || got[0].Hint != "remove it" || (got[0].Snippet == "") != (got[0].Line == 0) {
			t.Errorf("%s: %+v, want %s", path, got, want)
		}
	}
	f(text, "sites[0].cache.segment", "wedge.yaml:5:20: no effect")
	f(text, "sites[0].routes[1].cache.segment", "wedge.yaml:6:52: no effect")
	f(text, "sites[0].routes[0].cache.segment", "wedge.yaml:6:12: no effect")
	f(text, "nothing", "wedge.yaml: no effect")
	f("sites: [", "sites[0]", "wedge.yaml: no effect")
	f("", "sites[0]", "wedge.yaml: no effect")
	if got := Remarks("wedge.yaml", []byte(text), nil); got != nil {
		t.Errorf("nothing was said, and it says %+v", got)
	}
}
