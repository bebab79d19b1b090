package pipeline

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// TestArm: the share is what was asked for, each client stays where it is, and another version has other clients.
func TestArm(t *testing.T) {
	const clients = 20_000
	count := func(a Arm, client func(x *exchange.Exchange, i int)) (took int, who map[int]bool) {
		x := exchange.New()
		defer x.Release()
		who = map[int]bool{}
		for i := range clients {
			client(x, i)
			first := a.takes(x)
			if first != a.takes(x) {
				t.Fatalf("client %d changes", i)
			}
			if first {
				took++
				who[i] = true
			}
		}
		return took, who
	}
	address := func(x *exchange.Exchange, i int) {
		x.Client.Addr = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
	}
	networks := func(x *exchange.Exchange, i int) {
		x.Client.Addr = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0, byte(i >> 8), byte(i), 15: byte(i * 7)})
	}
	cookie := func(x *exchange.Exchange, i int) {
		x.Request.Header.Reset()
		x.Request.Header.AddKnown(exchange.Cookie, fmt.Sprintf("a=b; id=%d", i))
		x.Client.Addr = netip.MustParseAddr("192.0.2.1")
	}
	f := func(what string, a Arm, client func(*exchange.Exchange, int), want float64) {
		t.Helper()
		took, who := count(a, client)
		if got := float64(took) / clients; got < want*0.85-0.0005 || got > want*1.15+0.0005 {
			t.Errorf("%s: %v of the clients, want %v", what, got, want)
		}
		a.Salt += "other"
		_, others := count(a, client)
		both := 0
		for i := range who {
			if others[i] {
				both++
			}
		}
		if want > 0 && want < 0.5 && both == took {
			t.Errorf("%s: another version has the same clients", what)
		}
	}
	f("nobody", Arm{Salt: "v"}, address, 0)
	f("some addresses", Arm{Salt: "v", Share: 500}, address, 0.05)
	f("few addresses", Arm{Salt: "v", Share: 25}, address, 0.0025)
	f("all addresses", Arm{Salt: "v", Share: 10_000}, address, 1)
	f("networks", Arm{Salt: "v", Share: 2_500}, networks, 0.25)
	f("cookies", Arm{Salt: "v", Share: 1_000, Cookie: "id"}, cookie, 0.1)
}

func TestArmSticks(t *testing.T) {
	f := func(what string, a Arm, header, addr, otherHeader, otherAddr string, same bool) {
		t.Helper()
		differ := 0
		for i := range 400 {
			a.Salt = fmt.Sprint(i)
			take := func(header, addr string) bool {
				x := exchange.New()
				defer x.Release()
				if header != "" {
					x.Request.Header.AddKnown(exchange.Cookie, header)
				}
				if addr != "" {
					x.Client.Addr = netip.MustParseAddr(addr)
				}
				return a.takes(x)
			}
			if take(header, addr) != take(otherHeader, otherAddr) {
				differ++
			}
		}
		if (differ == 0) != same {
			t.Errorf("%s: %d of 400 differ", what, differ)
		}
	}
	half := Arm{Share: 5_000}
	id := Arm{Share: 5_000, Cookie: "id"}
	f("one address", half, "", "192.0.2.1", "", "192.0.2.1", true)
	f("an address as IPv6 writes it", half, "", "192.0.2.1", "", "::ffff:192.0.2.1", true)
	f("two addresses", half, "", "192.0.2.1", "", "192.0.2.2", false)
	f("one network", half, "", "2001:db8::1", "", "2001:db8::2", true)
	f("two networks", half, "", "2001:db8::1", "", "2001:db8:0:1::1", false)
	f("one cookie from two places", id, "id=1", "192.0.2.1", "x=2; id=1", "192.0.2.2", true)
	f("two cookies from one place", id, "id=1", "192.0.2.1", "id=2", "192.0.2.1", false)
	f("no cookie", id, "", "192.0.2.1", "ids=2", "192.0.2.1", true)
	f("the node's own", half, "", "", "", "", true)
}

func TestArmHeader(t *testing.T) {
	a := Arm{Header: "X-Canary", Value: "1"}
	f := func(want bool, fields ...string) {
		t.Helper()
		x := exchange.New()
		defer x.Release()
		for i := 0; i < len(fields); i += 2 {
			x.Request.Header.Add(fields[i], fields[i+1])
		}
		if got := a.takes(x); got != want {
			t.Errorf("%q: %v", fields, got)
		}
	}
	f(false)
	f(true, "X-Canary", "1")
	f(true, "x-canary", "1")
	f(false, "X-Canary", "11")
	f(true, "X-Canary", "0", "X-Canary", "1")
}

func TestChoosingAllocatesNothing(t *testing.T) {
	s := &Split{Arms: []Arm{{Salt: "v", Share: 5_000, Cookie: "id", Header: "X-Canary", Value: "1"}}, Routes: []*Route{{}, {}}}
	x := exchange.New()
	defer x.Release()
	x.Request.Header.AddKnown(exchange.Cookie, "a=b; id=7")
	x.Request.Header.Add("X-Canary", "0")
	if n := testing.AllocsPerRun(100, func() { s.choose(x) }); n > 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
