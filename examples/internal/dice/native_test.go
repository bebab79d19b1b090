package main

import (
	"testing"

	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

// Natively, where nothing is put back, each generator goes on: what TestReset finds is the reset's doing.
func TestNative(t *testing.T) {
	n := wedgetest.New(t)
	n.Init(func() {
		for name, draw := range map[string]func() int64{"global": global, "variable": variable, "crypto": crypto, "node": node, "sdk": sdk, "order": order} {
			seen := map[int64]bool{}
			for range 20 {
				seen[draw()] = true
			}
			if len(seen) < 2 {
				t.Errorf("%s: %d different values of 20", name, len(seen))
			}
		}
	})
}
