package main

import (
	"errors"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

// identifyKey looks an API key up. The store has SHA-256 hashes only, so whoever reads it cannot use what he reads; keys are random, so no slow hash
// is needed. The key is not compared with anything byte by byte: what the lookup's time could tell is about the hash, which nobody can steer.
//
// A key is revoked by deleting its hash, and expires with the entry's own time to live.
func (c *config) identifyKey(key string) (string, *refusal, error) {
	const shortest, longest = 20, 200
	if len(key) < shortest || len(key) > longest {
		return "", badKey(), nil
	}
	sum, err := wedge.SHA256.Sum([]byte(key))
	if err != nil {
		return "", nil, err
	}
	who, err := c.keys.Value(hexadecimal(sum))
	if errors.Is(err, wedge.ErrAbsent) {
		return "", badKey(), nil
	}
	if err != nil {
		return "", nil, err
	}
	if who == "" || !isQuotable(who) {
		return "", nil, errors.New("the store of API keys holds a value that is no name: visible ASCII, please")
	}
	return who, nil, nil
}

// hexadecimal is what encoding/hex does, without package fmt behind it, which would make the module a sixth larger.
func hexadecimal(b []byte) string {
	const digits = "0123456789abcdef"
	t := make([]byte, 0, 2*len(b))
	for _, c := range b {
		t = append(t, digits[c>>4], digits[c&15])
	}
	return string(t)
}
