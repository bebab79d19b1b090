package place

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
)

type (
	m = mmdbtype.Map
	s = mmdbtype.String
)

// database writes a file that tells of networks what it says: network, record, network, record.
func database(t testing.TB, pairs ...any) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "test", IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		_, network, err := net.ParseCIDR(pairs[i].(string))
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(network, pairs[i+1].(mmdbtype.DataType)); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "places.mmdb")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// vienna is a record as MaxMind's city files have them.
var vienna = m{
	"country": m{"iso_code": s("AT"), "names": m{"en": s("Austria")}}, "registered_country": m{"iso_code": s("DE")},
	"subdivisions": mmdbtype.Slice{m{"iso_code": s("9")}, m{"iso_code": s("901")}},
	"city":         m{"names": m{"de": s("Wien"), "en": s("Vienna")}},
}

func TestPlace(t *testing.T) {
	city := database(t, "192.0.2.0/24", vienna, "198.51.100.0/24", m{"country": m{"iso_code": s("CH")}}, "2001:db8::/32", vienna)
	asn := database(t, "192.0.2.0/25", m{"autonomous_system_number": mmdbtype.Uint32(64496), "autonomous_system_organization": s("Example")}, "203.0.113.0/24", m{"autonomous_system_number": mmdbtype.Uint32(64497)})
	flat := database(t, "192.0.2.0/24", m{"country_code": s("XX")}, "203.0.113.0/25", m{"country_code": s("SE"), "city": s("Lund")})
	odd := database(t, "192.0.2.0/24", m{"country": mmdbtype.Uint32(7), "city": m{"names": s("?")}, "subdivisions": mmdbtype.Slice{}, "autonomous_system_number": s("many")})
	f := func(files []string, addr string, want Place) {
		t.Helper()
		p, err := Open(files)
		if err != nil {
			t.Fatal(err)
		}
		got, known := p.Place(netip.MustParseAddr(addr))
		if got != want || known != (want != Place{}) {
			t.Errorf("%s: %+v, %t; want %+v", addr, got, known, want)
		}
	}
	at := Place{Country: "AT", Region: "9", City: "Vienna"}
	f([]string{city}, "192.0.2.1", at)
	f([]string{city}, "::ffff:192.0.2.1", at)
	f([]string{city}, "2001:db8::1", at)
	f([]string{city}, "2001:db8::1%eth0", at)
	f([]string{city}, "198.51.100.7", Place{Country: "CH"})
	f([]string{city}, "203.0.113.9", Place{})
	f([]string{city, asn}, "192.0.2.1", Place{"AT", "9", "Vienna", 64496})
	f([]string{city, asn}, "192.0.2.200", at)
	f([]string{city, asn, flat}, "203.0.113.9", Place{"SE", "", "Lund", 64497})
	f([]string{flat, city}, "192.0.2.1", Place{"XX", "9", "Vienna", 0})
	f([]string{odd}, "192.0.2.1", Place{})
	f([]string{odd, city}, "192.0.2.1", at)
	f(nil, "192.0.2.1", Place{})
}

func TestOpenErrors(t *testing.T) {
	good := database(t, "192.0.2.0/24", vienna)
	f := func(name, want string) {
		t.Helper()
		if _, err := Open([]string{good, name}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	dir := t.TempDir()
	text := filepath.Join(dir, "text.mmdb")
	if err := os.WriteFile(text, []byte("country,network\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f(filepath.Join(dir, "absent.mmdb"), "no such file")
	f(dir, "is no file of at most 1024 MiB")
	f(text, "is no database in MaxMind's format")
}

// A file is the operator's, but it came from somewhere: whatever is wrong in it is unknown, and never ends the node.
func FuzzPlace(f *testing.F) {
	whole, err := os.ReadFile(database(f, "192.0.2.0/24", vienna, "2001:db8::/32", vienna))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, []byte{192, 0, 2, 1})
	f.Add(whole[:len(whole)/2], []byte{192, 0, 2, 1})
	f.Add([]byte("\xab\xcd\xefMaxMind.com"), []byte{})
	f.Fuzz(func(t *testing.T, text, address []byte) {
		r, err := parse("f", text)
		if err != nil {
			return
		}
		p := &Places{[]*maxminddb.Reader{r}}
		a, _ := netip.AddrFromSlice(address)
		found, known := p.Place(a)
		if known != (found != Place{}) {
			t.Errorf("%+v, %t", found, known)
		}
		p.Place(netip.MustParseAddr("192.0.2.1"))
	})
}

func BenchmarkPlace(b *testing.B) {
	p, err := Open([]string{database(b, "192.0.2.0/24", vienna)})
	if err != nil {
		b.Fatal(err)
	}
	a := netip.MustParseAddr("192.0.2.1")
	for b.Loop() {
		if _, known := p.Place(a); !known {
			b.Fatal("not known")
		}
	}
}
