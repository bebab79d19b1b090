package exchange

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
)

// An ID names one exchange in the log, in traces and in error pages.
type ID [16]byte

// An IDSource makes ids that nobody outside can guess from one another: a
// random key, mixed with a counter. Ids are unique within the source.
type IDSource struct {
	key [2]uint64
	n   atomic.Uint64
}

// NewIDSource makes a source with a fresh random key.
func NewIDSource() *IDSource {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return &IDSource{key: [2]uint64{binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])}}
}

// Next is a new id. It is a permutation of the counter, so two ids of one
// source never collide; it is no secret and must not serve as one.
func (s *IDSource) Next() ID {
	n := s.n.Add(1)
	var id ID
	binary.BigEndian.PutUint64(id[:8], mix(n^s.key[0]))
	binary.BigEndian.PutUint64(id[8:], mix(n+s.key[1]))
	return id
}

// mix is a bijection of 64 bits in which each input bit moves every output
// bit (the finaliser of splitmix64, Steele et al. 2014).
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// String is the id as 32 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// AppendText appends the id as 32 hexadecimal digits.
func (id ID) AppendText(b []byte) ([]byte, error) {
	// Fast path: every response and every log line has one, so that eight digits
	// are made at once.
	var t [2 * len(id)]byte
	for i := 0; i < len(id); i += 4 {
		binary.BigEndian.PutUint64(t[2*i:], hexDigits(binary.BigEndian.Uint32(id[i:])))
	}
	return append(b, t[:]...), nil
}

// hexDigits is the text of v, its first digit in the highest byte.
func hexDigits(v uint32) uint64 {
	const each = 0x0101010101010101
	n := uint64(v) // half a byte goes into each byte
	n = (n | n<<16) & 0x0000ffff0000ffff
	n = (n | n<<8) & 0x00ff00ff00ff00ff
	n = (n | n<<4) & 0x0f0f0f0f0f0f0f0f
	letters := (n + 6*each) >> 4 & each // 1 where it is 10 or more
	return n + '0'*each + letters*('a'-'0'-10)
}

// ParseID reads 32 hexadecimal digits.
func ParseID(s string) (id ID, ok bool) {
	if len(s) != 32 {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil
}
