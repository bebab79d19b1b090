package fastlytoml

import (
	"bytes"
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// FuzzParse: whatever stands in a file, it is read, or refused with a line that the file has; and what was read is what is read
// again, with backends that requests can be sent to.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"[local_server]\nbackends.a = {url = \"https://h:8443/x%20y/\", health = \"healthy\", override_host = \"o\"}\nshielding_sites = {}\n",
		"[local_server.secret_stores]\ns = [{key = \"k\", data = \"v\"}, {key = \"l\", env = \"HOME\"}]\n",
		"[[local_server.kv_stores.s]]\nkey = \"k\"\ndata = \"\"\nmetadata = \"m\"\n[[local_server.kv_stores.s]]\nkey = \"l\"\nfile = \"none\"",
		"[local_server.config_stores.s]\nformat = \"inline-toml\"\n[local_server.config_stores.s.contents]\na = \"1\"\n\"b c\" = \"2\"",
		"[local_server.geolocation]\nformat = \"inline-toml\"\n[local_server.geolocation.addresses.\"127.0.0.1\"]\ncity = \"x\"\nlatitude = 1.5\n",
		"[local_server.device_detection]\nformat = \"inline-toml\"\n[local_server.device_detection.user_agents.\"a b\"]\nuser_agent = {}\n",
		"[local_server]\nacls = {a = \"none.json\"}\nobject_store.s = []\ndictionaries.d = {format = \"json\", file = \"none\"}",
		"a = \n", "[local_server]\nbackends = 1", "[local_server.backends.a]\n\nurl = 3",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(text, []byte("/dev")) || bytes.Contains(text, []byte("/proc")) {
			t.Skip("files without an end are this machine's")
		}
		name := t.TempDir() + "/fastly.toml"
		got, err := Parse(name, text)
		if err != nil {
			e, is := errors.AsType[*Error](err)
			if most := bytes.Count(text, []byte("\n")) + 1; !is || e.Line < 0 || e.Line > most || e.Message == "" || e.Hint == "" {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		for name, b := range got.Backends {
			if u, err := url.Parse(b.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.HasPrefix(b.Path, "/") {
				t.Fatalf("backend %q is %+v (%v)", name, b, err)
			}
		}
		again, err := Parse(name, text)
		if err != nil {
			t.Fatalf("once more: %v", err)
		}
		slices.Sort(got.Notes)
		slices.Sort(again.Notes)
		if !reflect.DeepEqual(got, again) {
			t.Fatalf("once more it is %+v, and was %+v", again, got)
		}
	})
}
