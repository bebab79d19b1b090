package origin

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// TestSpecial: which addresses are none of the public internet.
func TestSpecial(t *testing.T) {
	f := func(addr, want string) {
		t.Helper()
		if got := special(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is %q, want %q", addr, got, want)
		}
	}
	f("1.1.1.1", "")
	f("8.8.8.8", "")
	f("223.255.255.255", "")
	f("2606:4700::1111", "")
	f("2001:4860:4860::8888", "")
	f("2a00:1450:4001::1", "")
	f("::ffff:8.8.8.8", "")
	f("64:ff9b::8.8.8.8", "")

	f("0.0.0.0", "of this host or unspecified")
	f("0.1.2.3", "of this host or unspecified")
	f("10.0.0.0", "private")
	f("10.255.255.255", "private")
	f("9.255.255.255", "")
	f("11.0.0.0", "")
	f("100.63.255.255", "")
	f("100.64.0.0", "shared by a carrier's NAT")
	f("100.100.100.200", "shared by a carrier's NAT") // metadata at one cloud
	f("100.127.255.255", "shared by a carrier's NAT")
	f("100.128.0.0", "")
	f("127.0.0.1", "loopback")
	f("127.255.255.255", "loopback")
	f("168.63.129.16", "a cloud's metadata service")
	f("169.254.0.1", "link-local")
	f("169.254.169.254", "link-local") // metadata at most clouds
	f("172.15.255.255", "")
	f("172.16.0.0", "private")
	f("172.31.255.255", "private")
	f("172.32.0.0", "")
	f("192.0.0.192", "reserved for protocols") // metadata at one cloud
	f("192.0.2.1", "for documentation")
	f("192.88.99.1", "a relay of 6to4")
	f("192.168.1.1", "private")
	f("198.17.255.255", "")
	f("198.18.0.1", "for benchmarks")
	f("198.19.255.255", "for benchmarks")
	f("198.20.0.0", "")
	f("198.51.100.1", "for documentation")
	f("203.0.113.1", "for documentation")
	f("224.0.0.1", "multicast")
	f("239.255.255.255", "multicast")
	f("240.0.0.1", "reserved or broadcast")
	f("255.255.255.255", "reserved or broadcast")

	f("::", "unspecified")
	f("::1", "loopback")
	f("::127.0.0.1", "not of the public internet") // IPv4-compatible
	f("fc00::1", "private")
	f("fd00:ec2::254", "private") // metadata at one cloud
	f("fe80::1", "link-local")
	f("fe80::1%eth0", "link-local")
	f("2606:4700::1111%eth0", "link-local")
	f("fec0::1", "not of the public internet")
	f("ff02::1", "multicast")
	f("100::1", "not of the public internet")
	f("2001::1", "reserved for protocols")
	f("2001:1ff:ffff::1", "reserved for protocols")
	f("2001:200::1", "")
	f("2001:db8::1", "for documentation")
	f("2002:7f00:1::", "an IPv4 address within 6to4")
	f("3fff::1", "for documentation")
	f("4000::1", "not of the public internet")
	f("::ffff:127.0.0.1", "loopback")
	f("::ffff:10.1.2.3", "private")
	f("::ffff:169.254.169.254", "link-local")
	f("64:ff9b::127.0.0.1", "loopback")
	f("64:ff9b::10.1.2.3", "private")
	f("64:ff9b::169.254.169.254", "link-local")
	f("64:ff9b:1::8.8.8.8", "not of the public internet")
	if special(netip.Addr{}) == "" {
		t.Error("no address is public")
	}
}

// TestOwn: the node's own listeners, also those at every address of the machine.
func TestOwn(t *testing.T) {
	own := []netip.AddrPort{netip.MustParseAddrPort("5.5.5.5:443"), netip.MustParseAddrPort("[::]:8080"), netip.MustParseAddrPort("0.0.0.0:9090")}
	interfaces := func() ([]net.Addr, error) {
		return []net.Addr{&net.IPNet{IP: net.ParseIP("6.6.6.6"), Mask: net.CIDRMask(24, 32)}, &net.IPNet{IP: net.ParseIP("2606::6"), Mask: net.CIDRMask(64, 128)}}, nil
	}
	f := func(addr string, refused bool) {
		t.Helper()
		g := guard{own: own, interfaces: interfaces}
		err := g.control("tcp", addr, nil)
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "is a listener of this node: ") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	f("5.5.5.5:443", true)
	f("[::ffff:5.5.5.5]:443", true)
	f("5.5.5.5:444", false)
	f("5.5.5.6:443", false)
	f("6.6.6.6:443", false)
	f("6.6.6.6:8080", true)
	f("[2606::6]:8080", true)
	f("6.6.6.6:9090", true)
	f("6.6.6.7:8080", false)
	g := guard{own: own, interfaces: func() ([]net.Addr, error) { return nil, errors.New("no interfaces") }}
	if g.check(netip.MustParseAddrPort("6.6.6.7:8080")) == nil {
		t.Error("what cannot be known is taken for somebody else's")
	}
	if g.control("tcp", "shop.example:80", nil) == nil {
		t.Error("something that is no address passes")
	}
	if g := (&guard{own: own}); g.check(netip.MustParseAddrPort("8.8.8.8:8080")) != nil {
		t.Error("an address that this machine does not have is its own")
	}
}
