package node

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A debugKey signs the tokens with which somebody may see the cache keys of an
// owner's sites in Cache-Status. A token is "END.SIGNATURE": until when
// it holds, in seconds since 1970, and the HMAC-SHA256 of owner and end.
//
// The key is kept, so that a token outlives a restart; whoever removes the file
// takes all tokens back with the next start.
type debugKey []byte

const debugKeySize = 32

// openDebugKey reads the key, or makes one.
func openDebugKey(file string) (debugKey, error) {
	b, err := os.ReadFile(file)
	if err == nil && len(b) == debugKeySize {
		return b, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("debug key: %w", err)
	}
	b = make([]byte, debugKeySize)
	rand.Read(b) // never fails (crypto/rand)
	// Renamed into its place, so that it is whole or not there.
	if err := os.WriteFile(file+".new", b, 0o600); err != nil {
		return nil, fmt.Errorf("debug key: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return nil, fmt.Errorf("debug key: %w", err)
	}
	return b, nil
}

// token is what lets its bearer see the keys of owner's sites until end.
func (k debugKey) token(owner string, end time.Time) string {
	s := strconv.FormatInt(end.Unix(), 10)
	return s + "." + base64.RawURLEncoding.EncodeToString(k.sign(owner, s))
}

// opens tells whether a token is one of owner's, and holds now.
func (k debugKey) opens(token, owner string, now time.Time) bool {
	s, signature, ok := strings.Cut(token, ".")
	if !ok || len(s) > 20 || len(signature) > 64 {
		return false
	}
	end, err := strconv.ParseInt(s, 10, 64)
	if err != nil || now.Unix() >= end {
		return false
	}
	got, err := base64.RawURLEncoding.DecodeString(signature)
	return err == nil && hmac.Equal(got, k.sign(owner, s))
}

func (k debugKey) sign(owner, end string) []byte {
	m := hmac.New(sha256.New, k)
	fmt.Fprintf(m, "wedge debug 1\n%s\n%s\n", owner, end) // neither has a line end
	return m.Sum(nil)
}
