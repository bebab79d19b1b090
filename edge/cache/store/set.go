package store

// A Key is a hash that nobody outside can make collide: of what a request asks
// for, or of the fields that tell a variant from another.
type Key [16]byte

// MaxVariants is how many variants of one key are kept; the oldest goes.
const MaxVariants = 64

// A Set is the variants under one key, as they were when it was found. It
// never changes; the index puts another in its place.
type Set[M any] struct {
	names   *[]string    // nil if there are none, as for most
	objects []*Object[M] // by age of insertion, oldest first
}

// Names are the request fields that tell the variants apart: the Vary field of
// the newest response, in a canonical form. They must not be changed.
func (s *Set[M]) Names() []string {
	if s == nil || s.names == nil {
		return nil
	}
	return *s.names
}

// Object is the variant, nil if there is none. The key is zero where there are
// no names.
func (s *Set[M]) Object(variant Key) *Object[M] {
	if s == nil {
		return nil
	}
	for _, o := range s.objects {
		if o.Variant == variant {
			return o
		}
	}
	return nil
}

// Len is the number of variants.
func (s *Set[M]) Len() int {
	if s == nil {
		return 0
	}
	return len(s.objects)
}

// without is s without o, nil if that was all.
func (s *Set[M]) without(o *Object[M]) *Set[M] {
	if len(s.objects) == 1 {
		return nil
	}
	n := &Set[M]{names: s.names, objects: make([]*Object[M], 0, len(s.objects)-1)}
	for _, v := range s.objects {
		if v != o {
			n.objects = append(n.objects, v)
		}
	}
	return n
}
