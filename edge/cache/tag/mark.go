package tag

import (
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"
)

// A State is what purges have made of an object.
type State uint8

// The states.
const (
	Current State = iota
	Stale         // purged softly: it may be used once its origin has confirmed it
	Gone          // purged: it must not be used, nor be confirmed
)

// A Mark is what an object, or a fetch under way, remembers so that purges
// find it. All fields but seen are set before it is shared, and stay.
type Mark struct {
	owner *Owner
	born  uint64
	// url is the URL that the client asked for, other the one that functions
	// made of it, nil if it does not differ. A purge of either finds the object.
	// Without a url no purge by URL or prefix does.
	url   string
	other *otherURL
	tags  *[]uint32 // nil if there are none: most marks have none, and a slice takes thrice the bytes
	// urlHash is url's.
	urlHash uint32
	// anyTag: a purge of any tag of the owner counts, because the tags are not
	// known (yet), or are too many to remember.
	anyTag bool
	// seen is a number of Owner.last at which the mark was current. It may fall
	// back when two readers race; then the tables are read once more.
	seen atomic.Uint64
}

// An otherURL is a second URL of a response.
type otherURL struct {
	text string
	hash uint32
}

// MaxTags is how many tags a mark remembers. With more, every purge by tag of
// the owner counts.
const MaxTags = 64

// Set makes m the mark of something of owner o whose fetch began at sequence
// number born. The strings are kept; other is "" if there is only one URL, and
// both are if it is no response. Its tags are not known: see SetTags.
func (m *Mark) Set(o *Owner, born uint64, url, other string) {
	m.owner, m.born, m.url, m.other = o, born, url, nil
	m.urlHash = o.tables.Hash(url)
	if other != "" {
		m.other = &otherURL{other, o.tables.Hash(other)}
	}
	m.tags, m.anyTag = nil, true
	m.seen.Store(born)
}

// SetTags says which tags the object carries. Repeated ones count once. If old
// is not nil its tags count too: a response that was only confirmed may have
// lost a tag by which a purge, under way at the same time, means it.
// Preconditions: m is not shared yet.
func (m *Mark) SetTags(tags iter.Seq[string], old *Mark) {
	m.tags, m.anyTag = nil, false
	if old != nil {
		m.anyTag = old.anyTag
		for _, h := range old.allTags() {
			m.addTag(h)
		}
	}
	for t := range tags {
		m.addTag(m.owner.tables.Hash(t))
	}
}

func (m *Mark) addTag(h uint32) {
	switch {
	case m.anyTag || slices.Contains(m.allTags(), h):
	case len(m.allTags()) == MaxTags:
		m.tags, m.anyTag = nil, true
	case m.tags == nil:
		m.tags = &[]uint32{h}
	default:
		*m.tags = append(*m.tags, h)
	}
}

func (m *Mark) allTags() []uint32 {
	if m.tags == nil {
		return nil
	}
	return *m.tags
}

// Inherit makes m the mark of the same URLs as p's with another birth.
func (m *Mark) Inherit(p *Mark, born uint64) {
	m.owner, m.born, m.url, m.other, m.urlHash = p.owner, born, p.url, p.other, p.urlHash
	m.tags, m.anyTag = nil, true
	m.seen.Store(born)
}

// Born is the sequence number at which the fetch began.
func (m *Mark) Born() uint64 { return m.born }

// URL is the URL that the client asked for.
func (m *Mark) URL() string { return m.url }

// Size is what m keeps beside itself, in bytes.
func (m *Mark) Size() int {
	n := len(m.url)
	if m.other != nil {
		n += int(unsafe.Sizeof(*m.other)) + len(m.other.text)
	}
	if m.tags != nil {
		n += int(unsafe.Sizeof(*m.tags)) + 4*cap(*m.tags)
	}
	return n
}

// MarkSize is the size of a Mark itself, in bytes.
const MarkSize = int(unsafe.Sizeof(Mark{}))

// State tells whether the object has been purged since its fetch began.
func (m *Mark) State() State {
	o := m.owner
	// Read before the tables: what is complete by now is in them.
	last := o.last.Load()
	// Fast path: the owner has purged nothing since the last look.
	if last <= m.seen.Load() {
		return Current
	}
	// The list before the tables: what leaves the list is in a table by then.
	list := o.prefixes.Load()
	hard, soft := o.hard.newest(m), o.soft.newest(m)
	if list != nil {
		for i := range *list {
			p := &(*list)[i]
			if p.seq <= m.born || !strings.HasPrefix(m.url, p.text) && (m.other == nil || !strings.HasPrefix(m.other.text, p.text)) {
				continue
			}
			if p.soft {
				soft = max(soft, p.seq)
			} else {
				hard = max(hard, p.seq)
			}
		}
	}
	switch {
	case hard > m.born:
		return Gone
	case soft > m.born:
		return Stale
	}
	m.seen.Store(last)
	return Current
}

// newest is the number of the newest purge of this kind, prefixes apart, that
// names m.
func (g *generations) newest(m *Mark) uint64 {
	n := g.all.Load()
	if m.url != "" {
		n = max(n, g.urls.newest(m.urlHash))
	}
	if m.other != nil {
		n = max(n, g.urls.newest(m.other.hash))
	}
	if m.anyTag {
		n = max(n, g.anyTag.Load())
	}
	for _, h := range m.allTags() {
		n = max(n, g.tags.newest(h))
	}
	if m.url != "" && g.hosts.slots.Load() != nil {
		n = max(n, g.hosts.newest(m.owner.tables.Hash(hostOf(m.url))))
		if m.other != nil {
			n = max(n, g.hosts.newest(m.owner.tables.Hash(hostOf(m.other.text))))
		}
	}
	return n
}
