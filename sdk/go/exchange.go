package wedge

import "github.com/wedgecdn/wedge/sdk/go/internal/raw"

// ID is the exchange's id, 32 hexadecimal digits: the one in logs, traces and error pages.
func ID() string {
	var buf [room]byte
	v, _ := text(raw.ExchangeID(buf[:]), buf[:], raw.ExchangeID)
	return v
}

// Var is a variable that a function of this exchange has set, and whether there is one. The origin's side of an exchange has a copy of those that
// were set when the fetch began.
func Var(name string) (string, bool) {
	var buf [room]byte
	v, n := text(raw.VarGet(name, buf[:]), buf[:], func(b []byte) int32 { return raw.VarGet(name, b) })
	return v, n >= 0
}

// SetVar sets a variable; ErrLimit if all names and values together would exceed 4096 bytes.
func SetVar(name, value string) error {
	return failed(raw.VarSet(name, bytes(value)), "set variable", name)
}

// RemoveVar removes a variable; it is no error if there is none.
func RemoveVar(name string) error {
	n := raw.VarRemove(name)
	if Error(n) == ErrAbsent {
		return nil
	}
	return failed(n, "remove variable", name)
}

// Fact is something that the node may know of the client.
type Fact uint32

// The facts.
const (
	Address        = Fact(raw.FactAddress)        // the address, as a trusted proxy or the connection says
	Port           = Fact(raw.FactPort)           // in decimal digits
	TLSVersion     = Fact(raw.FactTLSVersion)     // "1.2" or "1.3"
	TLSServerName  = Fact(raw.FactTLSServerName)  // the name that the client asked for in the handshake
	TLSCertificate = Fact(raw.FactTLSCertificate) // the client's verified certificate in DER form
	Country        = Fact(raw.FactCountry)        // two letters (ISO 3166-1)
	Region         = Fact(raw.FactRegion)         // the first subdivision's code
	City           = Fact(raw.FactCity)           // the name in English
	ASN            = Fact(raw.FactASN)            // the autonomous system's number, in decimal digits
	Device         = Fact(raw.FactDevice)         // "mobile", "tablet", "desktop" or "bot"
	Network        = Fact(raw.FactNetwork)        // what one client has: an address of IPv4, or the network of 64 bits of one of IPv6. Count clients by it
)

// Client is a fact about the client, and whether the node knows it.
func Client(f Fact) (string, bool) {
	var buf [room]byte
	v, n := text(raw.Client(raw.Fact(f), buf[:]), buf[:], func(b []byte) int32 { return raw.Client(raw.Fact(f), b) })
	return v, n >= 0
}
