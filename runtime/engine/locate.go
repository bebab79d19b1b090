package engine

import (
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/wedgecdn/wedge/runtime/meter"
	"github.com/wedgecdn/wedge/runtime/source"
)

// Location is a place in a module and, if the module knows, in the program that it was made from.
type Location struct {
	Function uint32 // index of the function in the original module
	Offset   int    // of the instruction, in bytes from the begin of the original module
	Source   source.Position
}

// ErrOriginal is what Locate returns for bytes that are not those of the module.
var ErrOriginal = errors.New("engine: these are not the bytes that the module was compiled from")

// Locate explains offsets that stand in the frames of a trap. original are the bytes that Compile was given. What is not known
// is not in the answer.
//
// It rewrites the module again and reads its debug information, which takes some 50 ms a megabyte: the caller does
// so away from requests, remembers what it learned, and bounds how often it asks.
func (m *Module) Locate(original []byte, offsets []int) (map[int]Location, error) {
	if sha256.Sum256(original) != m.code.hash {
		return nil, ErrOriginal
	}
	places, err := meter.Locate(original, m.code.engine.o.Caps, offsets)
	if err != nil {
		return nil, err
	}
	var list []source.Place
	for _, p := range places {
		list = append(list, source.Place{Function: p.Function, Code: p.Code})
	}
	slices.SortFunc(list, func(a, b source.Place) int { return a.Code - b.Code })
	known, err := source.Find(original, list)
	if err != nil {
		return nil, err
	}
	out := make(map[int]Location, len(places))
	for offset, p := range places {
		out[offset] = Location{p.Function, p.Offset, known[p.Code]}
	}
	return out, nil
}
