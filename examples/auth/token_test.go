package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"strconv"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request") }

const secret = "0123456789abcdef0123456789abcdef"

// now is the fake's time.
const now = 1767225600

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func hs256(key, header, claims string) string {
	signed := b64(header) + "." + b64(claims)
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func eddsa(key ed25519.PrivateKey, header, claims string) string {
	signed := b64(header) + "." + b64(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(signed)))
}

const (
	hsHeader = `{"alg":"HS256","typ":"JWT"}`
	edHeader = `{"alg":"EdDSA"}`
	good     = `{"sub":"alice","iss":"https://id.example","aud":"shop","exp":1767225700}`
)

func node(t *testing.T, algorithm, key string) *wedgetest.Node {
	n := wedgetest.New(t)
	n.Config["algorithm"], n.Config["issuer"], n.Config["audience"] = algorithm, "https://id.example", "shop"
	n.Secrets["key"] = key
	return n
}

// ask sends a request with these fields and says what came of it: "alice" for who passed, or status, challenge and why.
func ask(n *wedgetest.Node, fields ...string) string {
	n.Logs = nil
	x := n.Exchange("GET", "https://shop.example/private")
	x.Request.Header.Add("X-Auth-Subject", "mallory")
	for i := 0; i+1 < len(fields); i += 2 {
		x.Request.Header.Add(fields[i], fields[i+1])
	}
	switch got := x.OnRequest(onRequest); got {
	case wedgetest.GoOn:
		who := strings.Join(x.Request.Header.Values("X-Auth-Subject"), "+")
		if who != x.Vars["subject"] || !x.Bypass {
			return "passed as " + who + " without a bypass or a variable"
		}
		return who
	case wedgetest.Answered:
		text := strconv.Itoa(x.Response.Status) + " " + x.Response.Header.Value("WWW-Authenticate")
		for _, l := range n.Logs {
			for _, f := range l.Fields {
				if f.Name == "why" {
					text += " (" + f.Value + ")"
				}
			}
		}
		if x.Response.Header.Value("Cache-Control") != "no-store" {
			text += " and may be stored"
		}
		return text
	default:
		return got.String() + ": " + n.LogText()
	}
}

func TestHS256(t *testing.T) {
	n := node(t, "HS256", secret)
	f := func(token, want string) {
		t.Helper()
		if got := ask(n, "Authorization", "Bearer "+token); got != want && !strings.HasSuffix(got, "("+want+")") {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	sign := func(claims string) string { return hs256(secret, hsHeader, claims) }
	f(sign(good), "alice")
	f(sign(` { "exp" : 1767225700.5 , "aud" : [ "x", 7, "shop" ] , "iss":"https:\/\/id.example", "sub":"\u0061lice" } `), "alice")
	// Signatures and algorithms.
	f(hs256("another key of thirty-two bytes!", hsHeader, good), "wrong signature")
	f(b64(hsHeader)+"."+b64(good)+".", "wrong signature")
	f(b64(`{"alg":"none"}`)+"."+b64(good)+".", "the algorithm is not HS256")
	f(hs256(secret, `{"alg":"None"}`, good), "the algorithm is not HS256")
	f(hs256(secret, `{"alg":"hs256"}`, good), "the algorithm is not HS256")
	f(hs256(secret, `{"alg":"HS512"}`, good), "the algorithm is not HS256")
	f(hs256(secret, `{}`, good), "the algorithm is not HS256")
	f(hs256(secret, `{"alg":["HS256"]}`, good), "the algorithm is not HS256")
	f(hs256(secret, `{"alg":"none","alg":"HS256"}`, good), "the token's header is no JSON object")
	f(hs256(secret, `{"alg":"HS256","crit":["exp"]}`, good), "the header has critical extensions")
	f(sign(good)[:60], "the token has not three parts")
	f(sign(good)+"A", "wrong signature")
	f(sign(good)+"=", "the signature is not base64url")
	f(sign(good)+".", "the token has not three parts")
	f("a.b.c.d.e", "the token has not three parts")
	f(strings.Repeat("a", 9000), "the token is empty, too long, or holds a space")
	f("", "the token is empty, too long, or holds a space")
	// The last letter of a signature of 32 bytes has two bits too many: only one spelling is right.
	s := sign(good)
	f(s[:len(s)-1]+string(s[len(s)-1]+1), "the signature is not base64url")
	// Times, with 30 seconds of leeway.
	at := func(exp, nbf int) string {
		return sign(`{"sub":"alice","iss":"https://id.example","aud":"shop","exp":` + strconv.Itoa(now+exp) + `,"nbf":` + strconv.Itoa(now+nbf) + `}`)
	}
	f(at(-29, 0), "alice")
	f(at(-30, 0), "expired")
	f(at(100, 30), "alice")
	f(at(100, 31), "not valid yet")
	f(sign(`{"sub":"alice","iss":"https://id.example","aud":"shop"}`), "no expiry")
	f(sign(`{"sub":"alice","iss":"https://id.example","aud":"shop","exp":"1767225700"}`), "no expiry")
	f(sign(`{"sub":"alice","iss":"https://id.example","aud":"shop","exp":1e400}`), "no expiry")
	f(sign(`{"sub":"alice","iss":"https://id.example","aud":"shop","exp":1767225700,"nbf":null}`), "nbf is no time")
	// Who, by whom, for whom.
	f(sign(`{"sub":"alice","iss":"https://id.example.evil","aud":"shop","exp":1767225700}`), "another issuer")
	f(sign(`{"sub":"alice","aud":"shop","exp":1767225700}`), "another issuer")
	f(sign(`{"sub":"alice","iss":"https://id.example","aud":"admin","exp":1767225700}`), "for another audience")
	f(sign(`{"sub":"alice","iss":"https://id.example","aud":["a",["shop"]],"exp":1767225700}`), "for another audience")
	f(sign(`{"sub":"alice","iss":"https://id.example","exp":1767225700}`), "for another audience")
	f(sign(`{"iss":"https://id.example","aud":"shop","exp":1767225700}`), "no subject that can be passed on")
	f(sign(`{"sub":"a\r\nX-Admin: 1","iss":"https://id.example","aud":"shop","exp":1767225700}`), "no subject that can be passed on")
	f(sign(`{"sub":"alice","sub":"root","iss":"https://id.example","aud":"shop","exp":1767225700}`), "the token's claims is no JSON object")
	f(sign(`[]`), "the token's claims is no JSON object")
	f(sign(good+"x"), "the token's claims is no JSON object")
}

func TestEdDSA(t *testing.T) {
	key := ed25519.NewKeyFromSeed([]byte(secret))
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	n := node(t, "EdDSA", public)
	f := func(token, want string) {
		t.Helper()
		if got := ask(n, "Authorization", "Bearer "+token); got != want && !strings.HasSuffix(got, "("+want+")") {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	f(eddsa(key, edHeader, good), "alice")
	f(eddsa(ed25519.NewKeyFromSeed([]byte(secret[1:]+"x")), edHeader, good), "wrong signature")
	f(b64(edHeader)+"."+b64(good)+".AAAA", "wrong signature")
	// Everybody knows the public key: whoever signs with it as a shared secret must not pass, whatever the header says.
	f(hs256(public, hsHeader, good), "the algorithm is not EdDSA")
	f(hs256(public, edHeader, good), "wrong signature")
	f(b64(`{"alg":"none"}`)+"."+b64(good)+".", "the algorithm is not EdDSA")
	n.Secrets["key"] = string(key.Public().(ed25519.PublicKey))
	f(eddsa(key, edHeader, good), "alice")
	n.Secrets["key"] = string(der)
	f(eddsa(key, edHeader, good), "alice")
	n.Secrets["key"] = "no key"
	if got := ask(n, "Authorization", "Bearer "+eddsa(key, edHeader, good)); !strings.HasPrefix(got, "failed: error on_request: verify: invalid") {
		t.Errorf("with a broken key: %s", got)
	}
}

// The challenge says what RFC 6750 §3 says.
func TestChallenge(t *testing.T) {
	n := node(t, "HS256", secret)
	n.Config["realm"], n.Config["scope"], n.Config["api_keys"] = "shop", "read write", "api-keys"
	n.Store("api-keys")
	f := func(want string, fields ...string) {
		t.Helper()
		if got := ask(n, fields...); got != want {
			t.Errorf("%q: %s\nwant %s", fields, got, want)
		}
	}
	claims := func(scope string) string {
		return "Bearer " + hs256(secret, hsHeader, `{"sub":"alice","iss":"https://id.example","aud":"shop","exp":1767225700`+scope+`}`)
	}
	f(`401 Bearer realm="shop" (no credentials)`)
	f(`401 Bearer realm="shop" (no credentials)`, "Authorization", "Basic YWxpY2U6eA==")
	f(`401 Bearer realm="shop", error="invalid_token", error_description="the token has expired" (expired)`,
		"Authorization", "bEARER "+hs256(secret, hsHeader, `{"exp":1}`))
	f(`400 Bearer realm="shop", error="invalid_request", error_description="the credentials are malformed" (more than one credential)`,
		"Authorization", claims(""), "Authorization", claims(""))
	f(`400 Bearer realm="shop", error="invalid_request", error_description="the credentials are malformed" (more than one credential)`,
		"Authorization", claims(""), "X-Api-Key", "x")
	f(`403 Bearer realm="shop", error="insufficient_scope", error_description="the token does not grant what this needs", scope="read write" (scope write is missing)`,
		"Authorization", claims(`,"scope":"read writer"`))
	f("alice", "Authorization", claims(`,"scope":"write other read"`))
}

func TestAPIKeys(t *testing.T) {
	n := wedgetest.New(t)
	n.Config["api_keys"] = "api-keys"
	sum := sha256.Sum256([]byte("key-of-alice-0123456789"))
	hash := hex.EncodeToString(sum[:])
	n.Store("api-keys").Put(hash, "alice")
	n.Store("api-keys").Put("key-of-bob-0123456789ab", "bob") // put by mistake: not a hash
	f := func(key, want string) {
		t.Helper()
		if got := ask(n, "X-Api-Key", key); got != want {
			t.Errorf("%q: %s, want %s", key, got, want)
		}
	}
	const refused = `401 ApiKey realm="wedge", error="invalid_token", error_description="the API key is not valid" (unknown or revoked API key)`
	f("key-of-alice-0123456789", "alice")
	f("key-of-alice-012345678", refused)
	f("key-of-bob-0123456789ab", refused)
	f(hash, refused)
	f("", refused)
	f(strings.Repeat("k", 10000), refused)
	if got, want := ask(n), `401 ApiKey realm="wedge" (no credentials)`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := ask(n, "Authorization", "Bearer "+hs256(secret, hsHeader, good)), `401 ApiKey realm="wedge" (no credentials)`; got != want {
		t.Errorf("a token where there are only keys: %s, want %s", got, want)
	}
	n.Store("api-keys").Delete(hash)
	f("key-of-alice-0123456789", refused)
}

// With share, what users get from the cache is the same for all, so nothing of one of them may reach the origin.
func TestShare(t *testing.T) {
	n := node(t, "HS256", secret)
	n.Config["share"] = "true"
	x := n.Exchange("GET", "https://shop.example/")
	x.Request.Header.Add("Authorization", "Bearer "+hs256(secret, hsHeader, good))
	x.Request.Header.Add("X-Auth-Subject", "mallory")
	if got := x.OnRequest(onRequest); got != wedgetest.GoOn || x.Bypass || len(x.Request.Header) != 0 {
		t.Errorf("%v, bypass %v, header %v", got, x.Bypass, x.Request.Header)
	}
}

// A mistake of the operator fails the function: with on_failure closed, nobody passes.
func TestBadSettings(t *testing.T) {
	f := func(want, key string, settings ...string) {
		t.Helper()
		n := wedgetest.New(t)
		if key != "" {
			n.Secrets["key"] = key
		}
		for i := 0; i+1 < len(settings); i += 2 {
			n.Config[settings[i]] = settings[i+1]
		}
		if got := ask(n, "Authorization", "Bearer "+hs256(key, hsHeader, good)); !strings.HasPrefix(got, "failed: error on_request: ") || !strings.Contains(got, want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	f("nobody could pass", "")
	f("HS256 or EdDSA", secret, "algorithm", "none")
	f("secret key is not set", "", "algorithm", "HS256")
	f("at least 32", "short", "algorithm", "HS256")
	f("PEM", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA", "algorithm", "HS256")
	f("config issuers is not known", secret, "algorithm", "HS256", "issuers", "x")
	f("config leeway", secret, "algorithm", "HS256", "leeway", "1h")
	f("config realm", secret, "algorithm", "HS256", "realm", `a"b`)
	f("config api_key_field", secret, "algorithm", "HS256", "api_key_field", "authorization")
	n := wedgetest.New(t)
	n.Config["api_keys"] = "keys"
	if got := ask(n, "X-Api-Key", "0123456789012345678901234567"); !strings.Contains(got, `open store "keys": not allowed`) {
		t.Errorf("with a store that the binding does not list: %s", got)
	}
}
