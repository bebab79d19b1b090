// Command dice draws numbers from each generator that a function in Go may use. Its test resets the module's memory between two draws, as a node
// does between two exchanges, and finds out which generators then repeat themselves. No node uses it.
package main

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"

	wedge "github.com/wedgecdn/wedge/sdk/go"
	"github.com/wedgecdn/wedge/sdk/go/random"
)

// seeded stands in a package variable, as it often does: it is seeded once, during initialisation.
var seeded = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))

var source = rand.New(new(random.Source))

//go:wasmexport global
func global() int64 { return int64(rand.Uint64()) }

//go:wasmexport variable
func variable() int64 { return int64(seeded.Uint64()) }

//go:wasmexport crypto
func crypto() int64 {
	var b [8]byte
	cryptorand.Read(b[:]) // never fails
	return int64(binary.LittleEndian.Uint64(b[:]))
}

//go:wasmexport node
func node() int64 {
	var b [8]byte
	if wedge.Random(b[:]) != nil {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(b[:]))
}

//go:wasmexport sdk
func sdk() int64 { return int64(source.Uint64()) }

// order is the order in which a map is walked.
//
//go:wasmexport order
func order() int64 {
	m := map[int64]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true, 10: true, 11: true, 12: true}
	o := int64(0)
	for k := range m {
		o = o*13 + k
	}
	return o
}

func main() {} // never runs
