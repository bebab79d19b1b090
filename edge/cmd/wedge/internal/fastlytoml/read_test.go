package fastlytoml

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// What has no meaning is told with its line.
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "list.json"), []byte("[1]"), 0o600); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "fastly.toml")
	f := func(text string, line int, want string) {
		t.Helper()
		_, err := Parse(name, []byte(text))
		e, is := errors.AsType[*Error](err)
		if !is || e.Line != line || !strings.Contains(e.Message, want) || e.Hint == "" || !strings.HasPrefix(e.Error(), name+":") {
			t.Errorf("%q: %v, want %q in line %d", text, err, want, line)
		}
	}
	f("a = \n", 1, "")
	f("\n[local_server]\nbackends = 1", 3, "backends is no table")
	f("[local_server]\nbackends.a.url = \"ftp://h\"", 2, "backends.a.url is no http or https URL")
	f("[local_server.backends.a]\n\nurl = 3", 3, "backends.a.url is no text")
	f("[local_server.backends.a]\nurl = \"http://u:p@h\"", 2, "is no http or https URL")
	f("[[local_server.kv_stores.s]]\nkey = \"k\"\ndata = \"\"\n[[local_server.kv_stores.s]]\nkey = \"l\"", 4, "kv_stores.s.1 has no value")
	f("[[local_server.kv_stores.s]]\nkey = \"k\"\nfile = \"none\"", 3, "cannot be read")
	f("[local_server]\nkv_stores.s = [{data = \"x\"}]", 2, "kv_stores.s.0 has no key")
	f("[local_server]\nkv_stores.s = 1", 2, "neither a list")
	f("[local_server]\nbackends.a = {url = \"http://h\", health = \"fine\"}", 2, "is \"fine\"")
	f("[local_server]\nkv_stores.s = []\nobject_store.s = []", 3, "older name")
	f("[local_server]\nsecret_stores.s = [{key = \"k\", env = \"WEDGE_NO_SUCH\"}]", 2, "WEDGE_NO_SUCH, which is not set")
	f("[local_server]\nconfig_stores.s = {format = \"json\", file = \"list.json\"}", 2, "no JSON object")
	f("[local_server.config_stores.s]\ncontents = {a = 1}", 2, "contents.a is no text")
	f("[local_server.config_stores.s]\nformat = \"inline-toml\"", 1, "contents is no table")
	f("[local_server.acls]\na = 1", 2, "names no file")
	f("[local_server.geolocation.addresses.here]\ncity = \"x\"", 1, "is no address")
}

// The line of a thing is told however its table is written.
func TestRead(t *testing.T) {
	t.Setenv("WEDGE_TEST_SECRET", "from outside")
	got, err := Parse("fastly.toml", []byte("[local_server]\nbackends.a = {url = \"https://h:8443/x%20y/\", health = \"healthy\", weight = 1}\nshielding_sites = {}\n"+
		"[local_server.secret_stores]\ns = [{key = \"k\", env = \"WEDGE_TEST_SECRET\"}]\n"))
	want := &File{
		Backends: map[string]Backend{"a": {URL: "https://h:8443", Path: "x%20y", Health: "healthy"}},
		Secrets:  map[string]map[string]string{"s": {"k": "from outside"}},
		Notes:    []string{"fastly.toml:2: backends.a.weight has no effect here", "fastly.toml:3: shielding_sites has no effect here"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	if got, err = Parse("fastly.toml", []byte("name = \"x\"")); err != nil || !reflect.DeepEqual(got, &File{}) {
		t.Errorf("an empty world is %+v (%v)", got, err)
	}
}
