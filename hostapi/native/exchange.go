package native

import (
	"net/netip"
	"strconv"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// client writes a fact.
//
//	client(fact=0, value=0, capacity=9) of 192.0.2.1
//
//	        value
//	memory  1 9 2 . 0 . 2 . 1 ? ...
//	        0                 9
//	result  9
func client(s *Session, a []uint64) int64 {
	buf, c := s.room(a, 1), &s.x.Client
	var room [64]byte
	v := room[:0]
	switch abi.Fact(a[0]) {
	case abi.FactAddress:
		if !c.Addr.IsValid() {
			return status(abi.StatusAbsent)
		}
		v = c.Addr.AppendTo(v)
	case abi.FactNetwork:
		if !c.Addr.IsValid() {
			return status(abi.StatusAbsent)
		}
		v = appendNetwork(v, c.Addr)
	case abi.FactPort:
		if c.Port == 0 {
			return status(abi.StatusAbsent)
		}
		v = strconv.AppendUint(v, uint64(c.Port), 10)
	case abi.FactTLSVersion:
		if c.TLS == nil {
			return status(abi.StatusAbsent)
		}
		// The numbers of RFC 8446 §4.1.2: 0x0303 is TLS 1.2.
		v = append(v, '1', '.', '0'+byte(c.TLS.Version-0x0301))
	case abi.FactTLSServerName:
		if c.TLS == nil {
			return status(abi.StatusAbsent)
		}
		return s.giveFact(buf, c.TLS.ServerName)
	case abi.FactTLSCertificate:
		if c.TLS == nil {
			return status(abi.StatusAbsent)
		}
		return s.giveFact(buf, alias(c.TLS.ClientCertificate))
	case abi.FactCountry, abi.FactRegion, abi.FactCity, abi.FactASN:
		return s.placeFact(buf, abi.Fact(a[0]))
	case abi.FactDevice:
		if s.b.o.Services.Devices == nil {
			return status(abi.StatusAbsent)
		}
		return s.giveFact(buf, s.b.o.Services.Devices.Device(s.x.Request.Header.Value(exchange.UserAgent)))
	default:
		return status(abi.StatusInvalid)
	}
	return s.giveBytes(buf, v)
}

// appendNetwork appends what one client has of a network: its address, or in IPv6 the 64 bits in front of it. Sites are given at least those, and
// behind them a host makes up addresses as it likes (RFC 8981): who counts them singly counts nobody.
func appendNetwork(to []byte, a netip.Addr) []byte {
	if a = a.Unmap(); a.Is4() {
		return a.AppendTo(to)
	}
	p, _ := a.Prefix(64) // fails for a number of bits that no address has
	return p.AppendTo(to)
}

// giveFact gives what is empty if it is not known.
func (s *Session) giveFact(buf []byte, v string) int64 {
	if v == "" {
		return status(abi.StatusAbsent)
	}
	return s.give(buf, v)
}

func (s *Session) placeFact(buf []byte, f abi.Fact) int64 {
	if s.b.o.Services.Places == nil {
		return status(abi.StatusAbsent)
	}
	p, ok := s.b.o.Services.Places.Place(s.x.Client.Addr)
	if !ok {
		return status(abi.StatusAbsent)
	}
	return s.giveFact(buf, placeValue(&p, f))
}

func placeValue(p *services.Place, f abi.Fact) string {
	switch f {
	case abi.FactCountry:
		return p.Country
	case abi.FactRegion:
		return p.Region
	case abi.FactCity:
		return p.City
	}
	if p.ASN == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(p.ASN), 10)
}

// exchangeID writes 32 hexadecimal digits.
func exchangeID(s *Session, a []uint64) int64 {
	var room [32]byte
	id, _ := s.x.ID.AppendText(room[:0]) // never fails
	return s.giveBytes(s.room(a, 0), id)
}

// varGet writes the value of a variable.
//
//	var_get(name=0, name_len=1, value=2, capacity=4) of a = "xy"
//
//	        n   value
//	memory  a ? x y ? ? ...
//	        0   2   4
//	result  2
func varGet(s *Session, a []uint64) int64 {
	name, buf := s.text(a, 0), s.room(a, 2)
	v, ok := s.x.Vars.Value(name)
	if !ok {
		return status(abi.StatusAbsent)
	}
	return s.give(buf, v)
}

// varSet reads name and value; nothing is written.
func varSet(s *Session, a []uint64) int64 {
	name, value := s.text(a, 0), s.text(a, 2)
	if s.frozen {
		return status(abi.StatusFrozen)
	}
	if name == "" {
		return status(abi.StatusInvalid)
	}
	if len(name)+len(value) > exchange.MaxVars {
		return status(abi.StatusLimit)
	}
	name, ok := s.keep(name)
	value, ok2 := s.keep(value)
	if !ok || !ok2 {
		return status(abi.StatusLimit)
	}
	s.change()
	if !s.x.Vars.Set(name, value) {
		return status(abi.StatusLimit)
	}
	return 0
}

// varRemove reads the name; nothing is written.
func varRemove(s *Session, a []uint64) int64 {
	name := s.text(a, 0)
	if s.frozen {
		return status(abi.StatusFrozen)
	}
	if _, ok := s.x.Vars.Value(name); !ok {
		return status(abi.StatusAbsent)
	}
	s.change()
	s.x.Vars.Delete(name)
	return 0
}

// originSet reads the name; nothing is written.
func originSet(s *Session, a []uint64) int64 {
	name := s.text(a, 0)
	if name == "" || len(name) > 255 {
		return status(abi.StatusInvalid)
	}
	return s.setText(&s.x.Choices.Origin, name)
}
