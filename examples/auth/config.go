package main

import (
	"errors"
	"strconv"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

// config is what the operator wants.
type config struct {
	algorithm        string // "HS256" or "EdDSA", "" if there are no tokens
	key              []byte // the shared secret, or the public key
	issuer, audience string // "" for any
	scope            string // what a token must grant, "" for nothing
	leeway           int64  // seconds that clocks may differ
	realm            string
	keyField         string   // the field that carries an API key
	keys             wedge.KV // the store of API keys, "" if there are none
	share            bool
}

func settings() (*config, error) {
	c := &config{leeway: 30, realm: "wedge", keyField: "X-Api-Key"}
	for name, v := range wedge.Settings() {
		switch name {
		case "algorithm":
			c.algorithm = v
		case "issuer":
			c.issuer = v
		case "audience":
			c.audience = v
		case "scope":
			c.scope = v
		case "realm":
			c.realm = v
		case "api_keys":
			c.keys = wedge.KV(v)
		case "api_key_field":
			if strings.EqualFold(v, "Authorization") || strings.EqualFold(v, "Cookie") {
				return nil, errors.New("config api_key_field: a field of its own, such as X-Api-Key")
			}
			c.keyField = v
		case "share":
			c.share = v == "true"
		case "leeway":
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil || n < 0 || n > 600 {
				return nil, errors.New("config leeway: write a number of seconds from 0 to 600")
			}
			c.leeway = n
		default:
			return nil, errors.New("config " + name + " is not known: see the README of the example auth")
		}
	}
	if !isQuotable(c.realm) || !isQuotable(c.scope) {
		return nil, errors.New(`config realm and scope: visible ASCII without " and \ only`)
	}
	if c.algorithm == "" && c.keys == "" {
		return nil, errors.New("config: neither algorithm (for tokens) nor api_keys (a store) is set, so nobody could pass")
	}
	return c, c.readKey()
}

// readKey gets the key of the tokens, and refuses those that betray a mistake.
func (c *config) readKey() error {
	switch c.algorithm {
	case "":
		return nil
	case "HS256", "EdDSA":
	default:
		return errors.New("config algorithm: HS256 or EdDSA, and nothing else is accepted from a token either")
	}
	var ok bool
	if c.key, ok = wedge.Secret("key"); !ok {
		return errors.New("secret key is not set: it holds the shared secret (HS256) or the public key (EdDSA)")
	}
	if c.algorithm == "EdDSA" {
		return nil // verify says if it is none
	}
	// "A key of the same size as the hash output (for instance, 256 bits for "HS256") or larger MUST be used with this algorithm."
	// https://www.rfc-editor.org/rfc/rfc7518#section-3.2-3
	if len(c.key) < 32 {
		return errors.New("secret key: HS256 needs at least 32 random bytes")
	}
	if strings.HasPrefix(string(c.key), "-----BEGIN") {
		return errors.New("secret key: this is a PEM file, and everybody may know a public key: HS256 needs a shared secret")
	}
	return nil
}

// isQuotable tells whether a text can stand between quotes as it is.
func isQuotable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
