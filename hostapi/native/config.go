package native

import "github.com/wedgecdn/wedge/hostapi/abi"

// config writes a setting.
//
//	config(name=0, name_len=1, value=2, capacity=4) of a = "xy"
//
//	        n   value
//	memory  a ? x y ? ? ...
//	        0   2   4
//	result  2
func config(s *Session, a []uint64) int64 {
	name, buf := s.text(a, 0), s.room(a, 2)
	v, ok := s.b.o.Config[name]
	if !ok {
		return status(abi.StatusAbsent)
	}
	return s.give(buf, v)
}

// configList writes all settings, as fields does.
func configList(s *Session, a []uint64) int64 { return s.giveBytes(s.room(a, 0), s.b.pairs) }

// secret writes a secret, as config does.
func secret(s *Session, a []uint64) int64 {
	name, buf := s.text(a, 0), s.room(a, 2)
	v, ok := s.b.o.Secrets[name]
	if !ok {
		return status(abi.StatusAbsent)
	}
	return s.giveBytes(buf, v)
}
