package origin

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// A guard keeps guests' requests to URLs on the public internet. It looks at
// each address at the moment in which it is dialled, so a name that resolves to
// one thing when it is checked and to another when it is used gains nothing.
type guard struct {
	own []netip.AddrPort
	// interfaces are the machine's addresses; nil is net.InterfaceAddrs.
	interfaces func() ([]net.Addr, error)
	// permit lets an address pass unseen; nil lets none.
	permit func(netip.AddrPort) bool
}

// A refusedError is an address that a guest's request must not reach.
type refusedError struct {
	addr netip.AddrPort
	why  string
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("%v is %s: a function reaches it only as an origin of the configuration, by its name", e.addr.Addr(), e.why)
}

// control is a net.Dialer's hook: address is what the socket is about to be
// connected to.
func (g *guard) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %q cannot be read: %w", address, err)
	}
	return g.check(a)
}

// check is nil if a guest's request may reach a.
func (g *guard) check(a netip.AddrPort) error {
	if g.permit != nil && g.permit(a) {
		return nil
	}
	if why := special(a.Addr()); why != "" {
		return &refusedError{a, why}
	}
	addr := a.Addr().Unmap()
	for _, o := range g.own {
		if o.Port() != a.Port() {
			continue
		}
		if o.Addr().Unmap() == addr || o.Addr().Unmap().IsUnspecified() && g.ofMachine(addr) {
			return &refusedError{a, "a listener of this node"}
		}
	}
	return nil
}

// ofMachine tells whether addr is one of this machine's. If that cannot be
// known it is.
func (g *guard) ofMachine(addr netip.Addr) bool {
	list := g.interfaces
	if list == nil {
		list = net.InterfaceAddrs
	}
	addrs, err := list()
	if err != nil {
		return true
	}
	for _, i := range addrs {
		if p, err := netip.ParsePrefix(i.String()); err == nil && p.Addr().Unmap() == addr {
			return true
		}
	}
	return false
}

// A network is a range of addresses and what it is for.
type network struct {
	prefix netip.Prefix
	is     string
}

func networks(words ...string) (t []network) {
	for i := 0; i < len(words); i += 2 {
		t = append(t, network{netip.MustParsePrefix(words[i]), words[i+1]})
	}
	return t
}

// The special networks of IPv4 (RFC 6890 and IANA's registry), and addresses
// at which clouds answer their machines.
var special4 = networks(
	"0.0.0.0/8", "of this host or unspecified",
	"10.0.0.0/8", "private",
	"100.64.0.0/10", "shared by a carrier's NAT",
	"127.0.0.0/8", "loopback",
	"168.63.129.16/32", "a cloud's metadata service",
	"169.254.0.0/16", "link-local",
	"172.16.0.0/12", "private",
	"192.0.0.0/24", "reserved for protocols",
	"192.0.2.0/24", "for documentation",
	"192.88.99.0/24", "a relay of 6to4",
	"192.168.0.0/16", "private",
	"198.18.0.0/15", "for benchmarks",
	"198.51.100.0/24", "for documentation",
	"203.0.113.0/24", "for documentation",
	"224.0.0.0/4", "multicast",
	"240.0.0.0/4", "reserved or broadcast",
)

// The special networks within IPv6's global unicast space.
var special6 = networks(
	"2001::/23", "reserved for protocols",
	"2001:db8::/32", "for documentation",
	"2002::/16", "an IPv4 address within 6to4",
	"3fff::/20", "for documentation",
)

var (
	global6 = netip.MustParsePrefix("2000::/3")
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
)

// special says what an address is for if it is not one of the public
// internet, "" if it is. An address that carries another, as mapped ones and
// those of NAT64 do, is what the inner one is.
func special(a netip.Addr) string {
	if !a.IsValid() {
		return "no address"
	}
	if a.Zone() != "" {
		return "link-local"
	}
	a = a.Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	table := special6
	switch {
	case a.Is4():
		table = special4
	case a.IsLoopback():
		return "loopback"
	case a.IsUnspecified():
		return "unspecified"
	case a.IsMulticast():
		return "multicast"
	case a.IsLinkLocalUnicast():
		return "link-local"
	case a.IsPrivate():
		return "private"
	case !global6.Contains(a):
		return "not of the public internet"
	}
	for _, n := range table {
		if n.prefix.Contains(a) {
			return n.is
		}
	}
	return ""
}
