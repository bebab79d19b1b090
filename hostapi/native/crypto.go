package native

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/adapter"
)

// Prices of cryptography, in fuel: about a nanosecond of the node's work each,
// on a machine of 2024.
const (
	fuelHash   = 200 // and one a byte
	fuelRandom = 100 // and one a byte
)

const maxRandom = 64 << 10

// digest is the hash function of that number, nil if there is none.
func digest(f abi.HashFunction) func() hash.Hash {
	switch f {
	case abi.HashFunctionSha256:
		return sha256.New
	case abi.HashFunctionSha512:
		return sha512.New
	}
	return nil
}

// hashOf writes a digest.
//
//	hash(function=0, data=0, data_len=3, digest=4, capacity=32)
//
//	        data    digest
//	memory  a b c ? b a 7 8 … ? ...   (32 bytes)
//	        0       4         36
//	result  32
func hashOf(s *Session, a []uint64) int64 {
	data, buf := s.view(a, 1), s.room(a, 3)
	var room [64]byte
	switch abi.HashFunction(a[0]) {
	case abi.HashFunctionSha256:
		s.call.Charge(fuelHash + int64(len(data)))
		d := sha256.Sum256(data)
		return s.giveBytes(buf, append(room[:0], d[:]...))
	case abi.HashFunctionSha512:
		s.call.Charge(fuelHash + int64(len(data)))
		d := sha512.Sum512(data)
		return s.giveBytes(buf, append(room[:0], d[:]...))
	}
	return status(abi.StatusInvalid)
}

// hmacOf writes an authentication code, as hashOf its digest.
func hmacOf(s *Session, a []uint64) int64 {
	return s.authenticate(abi.HashFunction(a[0]), s.view(a, 1), s.view(a, 3), s.room(a, 5))
}

// hmacSecret is hmacOf with a key that stays on this side.
func hmacSecret(s *Session, a []uint64) int64 {
	name, data, buf := s.text(a, 1), s.view(a, 3), s.room(a, 5)
	key, ok := s.b.o.Secrets[name]
	if !ok {
		return status(abi.StatusAbsent)
	}
	if w := s.b.o.World; w != nil {
		return s.keyed(w, abi.HashFunction(a[0]), name, key, data, buf)
	}
	return s.authenticate(abi.HashFunction(a[0]), key, data, buf)
}

// keyed is authenticate in a world of its own, which may know the code without the key.
func (s *Session) keyed(w *adapter.World, f abi.HashFunction, name string, key, data, buf []byte) int64 {
	d := digest(f)
	if d == nil {
		return status(abi.StatusInvalid)
	}
	s.call.Charge(3*fuelHash + int64(len(key)+len(data)))
	return s.giveBytes(buf, w.Keyed(name, append([]byte{byte(f)}, data...), func() []byte {
		m := hmac.New(d, key)
		m.Write(data)
		return m.Sum(nil)
	}))
}

func (s *Session) authenticate(f abi.HashFunction, key, data, buf []byte) int64 {
	d := digest(f)
	if d == nil {
		return status(abi.StatusInvalid)
	}
	if w := s.b.o.World; w != nil {
		return s.keyed(w, f, string(key), key, data, buf)
	}
	s.call.Charge(3*fuelHash + int64(len(key)+len(data)))
	m := hmac.New(d, key)
	m.Write(data)
	var room [64]byte
	return s.giveBytes(buf, m.Sum(room[:0]))
}

// equal reads both; nothing is written.
func equal(s *Session, a []uint64) int64 {
	x, y := s.view(a, 0), s.view(a, 2)
	s.call.Charge(int64(len(x)))
	return int64(subtle.ConstantTimeCompare(x, y))
}

// random fills the buffer.
//
//	random(target=0, capacity=2)
//
//	        target
//	memory  r r ? ...
//	        0   2
//	result  2
func random(s *Session, a []uint64) int64 {
	buf := s.room(a, 0)
	if len(buf) > maxRandom {
		return status(abi.StatusLimit)
	}
	s.call.Charge(fuelRandom + int64(len(buf)))
	s.b.random(buf)
	return int64(len(buf))
}

// seed touches no memory.
func seed(s *Session, _ []uint64) int64 { return int64(s.random64()) }

// now touches no memory.
func now(s *Session, _ []uint64) int64 { return s.time().UnixNano() }
