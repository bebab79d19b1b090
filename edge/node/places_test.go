package node_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/node"
	"github.com/wedgecdn/wedge/hostapi/abi"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// countries is a database of places that knows one network.
func countries(t *testing.T, network, country string) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	_, n, err := net.ParseCIDR(network)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Insert(n, mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(country)}}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A function knows the client's country, by the address that a trusted proxy gives, from the file as it was at the last reload. A file that is none
// stops a start and a reload, and nothing changes.
func TestPlaces(t *testing.T) {
	g := newGuest()
	g.hook("on_request").hook("on_response",
		g.call("client", I32(int32(abi.FactCountry)), buffer()), Set(0),
		when(Code(Get(0), I32(0), Op(0x4a)), g.do("field_set", I32(int32(abi.MessageResponse)), g.text("X-Country"), Code(I32(scratch), Get(0)))))
	u := newUpstream(t, "a")
	w := newWorld(t, fmt.Sprintf(`places: [places.mmdb]
trusted_proxies: [127.0.0.1]
functions: [{name: where, module: where.wasm}]
origins: [{name: a, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: a, functions: [where]}]
`, u.url()), map[string][]byte{"where.wasm": g.bytes(), "places.mmdb": countries(t, "192.0.2.0/24", "AT")})
	f := func(address, want string) {
		t.Helper()
		if r := w.get("http://shop.example/", "X-Forwarded-For", address); r.status != 200 || r.header.Get("X-Country") != want {
			t.Errorf("from %s: %d, %q, %v; want %q", address, r.status, r.header.Get("X-Country"), r.err, want)
		}
	}
	reload := func() error {
		c, err := config.Load(w.path("wedge.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.node.Reload(c)
		return err
	}
	f("192.0.2.7", "AT")
	f("198.51.100.7", "")
	w.write("places.mmdb", countries(t, "198.51.100.0/24", "CH"))
	f("192.0.2.7", "AT") // as long as nobody reloads
	if err := reload(); err != nil {
		t.Fatal(err)
	}
	f("192.0.2.7", "")
	f("198.51.100.7", "CH")

	w.write("places.mmdb", []byte("not yet whole"))
	if err := reload(); err == nil || !strings.Contains(err.Error(), "places.mmdb is no database in MaxMind's format") {
		t.Errorf("reload with a broken file: %v", err)
	}
	f("198.51.100.7", "CH")
	if err := os.Remove(w.path("places.mmdb")); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(w.path("wedge.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.New(c, node.Options{}); err == nil || !strings.Contains(err.Error(), "places.mmdb") {
		t.Errorf("start without the file: %v", err)
	}
}
