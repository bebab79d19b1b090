package tag

import "encoding/binary"

// A mark as bytes, for an object that outlives the process:
//
//	born u64 | any tag u8 | owner, url, other: length u32, bytes | tags u32, hashes u32
//
// The hashes are those of the tables' seed.

// Append appends the mark to b.
func (m *Mark) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, m.born)
	any := byte(0)
	if m.anyTag {
		any = 1
	}
	b = append(b, any)
	other := ""
	if m.other != nil {
		other = m.other.text
	}
	for _, s := range [...]string{m.owner.name, m.url, other} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	tags := m.allTags()
	b = binary.LittleEndian.AppendUint32(b, uint32(len(tags)))
	for _, h := range tags {
		b = binary.LittleEndian.AppendUint32(b, h)
	}
	return b
}

// Unpack makes m the mark that stands at the beginning of b, and returns what
// stands behind it; false if it is damaged. It is checked against all purges
// since its birth.
func (t *Tables) Unpack(m *Mark, b []byte) (rest []byte, ok bool) {
	if len(b) < 9 || b[8] > 1 {
		return b, false
	}
	born, anyTag := binary.LittleEndian.Uint64(b), b[8] == 1
	b = b[9:]
	var texts [3]string
	for i := range texts {
		n, rest, ok := count(b)
		if !ok || n > len(rest) {
			return b, false
		}
		texts[i], b = string(rest[:n]), rest[n:]
	}
	n, b, ok := count(b)
	if !ok || n > MaxTags || 4*n > len(b) {
		return b, false
	}
	m.Set(t.Owner(texts[0]), born, texts[1], texts[2])
	m.anyTag = false
	for range n {
		m.addTag(binary.LittleEndian.Uint32(b))
		b = b[4:]
	}
	m.anyTag = anyTag
	return b, true
}

func count(b []byte) (n int, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, b, false
	}
	return int(binary.LittleEndian.Uint32(b)), b[4:], true
}
