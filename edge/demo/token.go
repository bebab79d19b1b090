package demo

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// What the demo's tokens say, and wedge.yaml asks for.
const (
	issuer   = "https://id.far-lights.example"
	audience = "keepers"
)

// tokenFor makes a token as an identity provider would: EdDSA, ending at a time.
func tokenFor(key ed25519.PrivateKey, subject string, ends time.Time) string {
	text := unsigned("EdDSA", subject, ends)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

// tokenOfNobody makes a token that says it needs no signature.
func tokenOfNobody(subject string, ends time.Time) string {
	return unsigned("none", subject, ends) + "."
}

// tokenByPublicKey makes a token as a forger would who has only what everybody has: the file with the public key, taken for a shared secret.
func tokenByPublicKey(public []byte, subject string, ends time.Time) string {
	text := unsigned("HS256", subject, ends)
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func unsigned(algorithm, subject string, ends time.Time) string {
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic("BUG: a token is no JSON: " + err.Error())
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return part(map[string]any{"alg": algorithm, "typ": "JWT"}) + "." +
		part(map[string]any{"iss": issuer, "aud": audience, "sub": subject, "exp": ends.Unix()})
}
