package project

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A SourceMap leads from places in a module to places in its source. AssemblyScript's compiler writes one; the others put tables into the
// module itself, which the node reads.
type SourceMap struct {
	sources []string
	places  []mapped // in the order of their offsets
}

// mapped is where what begins at an offset comes from.
type mapped struct {
	offset, source, line, column int // line and column count from 0
}

// mostPlaces bounds a map.
const mostPlaces = 1 << 20

// readSourceMap reads a map of revision 3, of which a module has one line, as its columns are bytes.
//
// Lines of the generated file are separated by semicolons, the segments of a line by commas; a segment has 1, 4 or 5 numbers.
// https://tc39.es/ecma426/#sec-mappings
func readSourceMap(text []byte) (*SourceMap, error) {
	var m struct {
		Version  int      `json:"version"`
		Sources  []string `json:"sources"`
		Mappings string   `json:"mappings"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("source map: %w", err)
	}
	if m.Version != 3 {
		return nil, fmt.Errorf("source map: revision %d, want 3", m.Version)
	}
	first, _, _ := strings.Cut(m.Mappings, ";")
	s := &SourceMap{sources: m.Sources}
	var at mapped
	for segment := range strings.SplitSeq(first, ",") {
		if segment == "" {
			continue
		}
		n, err := fields(segment)
		if err != nil {
			return nil, err
		}
		at.offset += n[0]
		if len(n) == 1 {
			continue // code that comes from nowhere
		}
		at.source, at.line, at.column = at.source+n[1], at.line+n[2], at.column+n[3]
		if at.offset < 0 || at.source < 0 || at.source >= len(m.Sources) || at.line < 0 || at.column < 0 {
			return nil, fmt.Errorf("source map: segment %q leads out of the files", segment)
		}
		if len(s.places) >= mostPlaces {
			return nil, fmt.Errorf("source map: more than %d places", mostPlaces)
		}
		s.places = append(s.places, at)
	}
	slices.SortStableFunc(s.places, func(a, b mapped) int { return a.offset - b.offset })
	return s, nil
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// fields reads the numbers of a segment: 1, 4 or 5. Each is in digits of six bits, the lowest first, of which the highest bit says that another
// follows; the lowest bit of a number is its sign.
func fields(segment string) (list []int, err error) {
	n, shift := 0, 0
	for i := range len(segment) {
		digit := strings.IndexByte(base64Digits, segment[i])
		if digit < 0 || shift > 30 {
			return nil, fmt.Errorf("source map: segment %q is none", segment)
		}
		n |= (digit & 31) << shift
		if shift += 5; digit&32 != 0 {
			continue
		}
		if n&1 != 0 {
			n = -n
		}
		list = append(list, n/2)
		n, shift = 0, 0
	}
	if shift != 0 || len(list) != 1 && len(list) != 4 && len(list) != 5 {
		return nil, fmt.Errorf("source map: segment %q is none", segment)
	}
	return list, nil
}

// Place returns where the instruction at an offset of the module comes from; line and column count from 1. A nil map knows nothing.
func (s *SourceMap) Place(offset int) (file string, line, column int, ok bool) {
	if s == nil {
		return "", 0, 0, false
	}
	i, found := slices.BinarySearchFunc(s.places, offset, func(m mapped, offset int) int { return m.offset - offset })
	if !found {
		i--
	}
	if i < 0 {
		return "", 0, 0, false
	}
	m := s.places[i]
	return s.sources[m.source], m.line + 1, m.column + 1, true
}
