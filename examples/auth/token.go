package main

import (
	"encoding/base64"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

// maxToken bounds what is decoded.
const maxToken = 8 << 10

// identifyToken reads a JWT in its compact form (RFC 7519 §7.2): the signature first, by the algorithm that the operator chose and no
// other, then what it says.
func (c *config) identifyToken(token string) (string, *refusal, error) {
	if token == "" || len(token) > maxToken || strings.Contains(token, " ") {
		return "", badRequest("the token is empty, too long, or holds a space"), nil
	}
	signed, signature, ok := cutLast(token)
	head, claims, ok2 := strings.Cut(signed, ".")
	if !ok || !ok2 || strings.Contains(claims, ".") {
		return "", badRequest("the token has not three parts"), nil
	}
	header, refused := decodeObject(head, "header")
	if refused != nil {
		return "", refused, nil
	}
	if alg, _ := header.text("alg"); alg != c.algorithm {
		return "", badToken("the algorithm is not " + c.algorithm), nil // "none" and a change of family end here
	}
	// "If any of the listed extension Header Parameters are not understood and supported by the recipient, then the JWS is invalid."
	// https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11
	if header.has("crit") {
		return "", badToken("the header has critical extensions"), nil
	}
	sum, err := decode(signature)
	if err != nil {
		return "", badRequest("the signature is not base64url"), nil
	}
	right, err := c.verify([]byte(signed), sum)
	if err != nil {
		return "", nil, err
	}
	if !right {
		return "", badToken("wrong signature"), nil
	}
	o, refused := decodeObject(claims, "claims")
	if refused != nil {
		return "", refused, nil
	}
	return c.judge(o, wedge.Now().Unix())
}

func (c *config) verify(signed, signature []byte) (bool, error) {
	if c.algorithm == "HS256" {
		want, err := wedge.SHA256.HMAC(c.key, signed)
		return err == nil && wedge.Equal(want, signature), err
	}
	return wedge.Ed25519.Verify(c.key, signed, signature)
}

// judge decides about the claims of a token whose signature is right.
func (c *config) judge(claims object, now int64) (string, *refusal, error) {
	// "... the expiration date/time MUST be after the current date/time" https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4
	exp, ok := claims.seconds("exp")
	switch {
	case !ok:
		return "", badToken("no expiry"), nil
	case now-c.leeway >= exp:
		return "", &refusal{401, "invalid_token", "the token has expired", "expired"}, nil
	}
	// "The "nbf" (not before) claim identifies the time before which the JWT MUST NOT be accepted" https://www.rfc-editor.org/rfc/rfc7519#section-4.1.5
	if claims.has("nbf") {
		nbf, ok := claims.seconds("nbf")
		switch {
		case !ok:
			return "", badToken("nbf is no time"), nil
		case now+c.leeway < nbf:
			return "", &refusal{401, "invalid_token", "the token is not valid yet", "not valid yet"}, nil
		}
	}
	if iss, _ := claims.text("iss"); c.issuer != "" && iss != c.issuer {
		return "", badToken("another issuer"), nil
	}
	// "If the principal processing the claim does not identify itself with a value in the "aud" claim when this claim is present, then the
	// JWT MUST be rejected." https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3
	if (c.audience != "" || claims.has("aud")) && !claims.lists("aud", c.audience) {
		return "", badToken("for another audience"), nil
	}
	who, ok := claims.text("sub")
	if !ok || who == "" || len(who) > 200 || !isQuotable(who) || strings.Trim(who, " ") != who {
		return "", badToken("no subject that can be passed on"), nil
	}
	granted, _ := claims.text("scope")
	for want := range strings.FieldsSeq(c.scope) {
		found := false
		for g := range strings.FieldsSeq(granted) {
			found = found || g == want
		}
		if !found {
			return "", &refusal{403, "insufficient_scope", "the token does not grant what this needs", "scope " + want + " is missing"}, nil
		}
	}
	return who, nil, nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func decodeObject(part, name string) (object, *refusal) {
	b, err := decode(part)
	if err != nil {
		return nil, badRequest("the token's " + name + " is not base64url")
	}
	o, ok := parseObject(string(b))
	if !ok {
		return nil, badRequest("the token's " + name + " is no JSON object")
	}
	return o, nil
}

// decode reads base64url without padding, in its one form: no line breaks, which the standard decoder passes over, and no bits behind the end.
func decode(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, base64.CorruptInputError(strings.IndexAny(s, "\r\n"))
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}
