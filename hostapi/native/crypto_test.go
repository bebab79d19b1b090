package native

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/hostcall/hostcalltest"
)

func TestHashes(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{Secrets: map[string]Secret{"key": []byte("Jefe")}})
	f := func(want string, name string, params ...any) {
		t.Helper()
		if got := hex.EncodeToString([]byte(h.read(name, params...))); got != want {
			t.Errorf("%s%v = %s\nwant %s", name, params, got, want)
		}
	}
	// FIPS 180-4's examples, and RFC 4231 §4.3.
	f("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "hash", 0, "abc")
	f("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f", "hash", 1, "abc")
	f("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "hmac", 0, "Jefe", "what do ya want for nothing?")
	f("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "hmac_secret", 0, "key", "what do ya want for nothing?")
	m := hmac.New(sha512.New, []byte("k"))
	m.Write([]byte("d"))
	f(hex.EncodeToString(m.Sum(nil)), "hmac", 1, "k", "d")
	h.wantStatus(abi.StatusInvalid, "hash", 2, "abc", room(64))
	h.wantStatus(abi.StatusInvalid, "hmac", 2, "k", "abc", room(64))
	h.wantStatus(abi.StatusAbsent, "hmac_secret", 0, "other", "abc", room(64))
	h.want(32, "hash", 0, "abc", room(31)) // does not fit

	h.want(1, "equal", "abc", "abc")
	h.want(0, "equal", "abc", "abd")
	h.want(0, "equal", "abc", "ab")
	h.want(1, "equal", "", "")
}

// Cryptography is charged by the byte, before the work: a guest that cannot pay is ended.
func TestCryptoIsCharged(t *testing.T) {
	f := func(name string, least int64, params ...any) {
		t.Helper()
		h := start(t, exchange.OnRequest, Options{Secrets: map[string]Secret{"s": nil}})
		h.call(name, params...)
		if h.g.Fuel < least {
			t.Errorf("%s cost %d fuel, want at least %d", name, h.g.Fuel, least)
		}
	}
	data := strings.Repeat("d", 300)
	f("hash", 300, 0, data, room(64))
	f("hmac", 300, 0, "k", data, room(64))
	f("hmac_secret", 300, 0, "s", data, room(64))
	f("equal", 300, data, data)
	f("random", 300, room(300))
	f("verify", fuelEd25519, 0, strings.Repeat("k", 32), data, "s")

	h := start(t, exchange.OnRequest, Options{})
	h.g.Budget = 200
	if _, err := h.try("hash", 0, 0, 300, 400, 64); err != hostcalltest.ErrBudget {
		t.Errorf("error %v", err)
	}
	h.wantMemory(400, "????")
}

func TestVerify(t *testing.T) {
	data := "signed"
	s256, s384, s512 := sha256.Sum256([]byte(data)), sha512.Sum384([]byte(data)), sha512.Sum512([]byte(data))
	edPublic, edKey, _ := ed25519.GenerateKey(rand.Reader)
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	p256, p384, p521 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	der := func(public any) string { return string(must(x509.MarshalPKIXPublicKey(public))) }
	raw := func(k *ecdsa.PrivateKey, sum []byte) string {
		r, s, err := ecdsa.Sign(rand.Reader, k, sum)
		n := (k.Curve.Params().BitSize + 7) / 8
		must(0, err)
		return string(append(r.FillBytes(make([]byte, n)), s.FillBytes(make([]byte, n))...))
	}
	pss := func(h crypto.Hash, sum []byte) string {
		return string(must(rsa.SignPSS(rand.Reader, rsaKey, h, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})))
	}
	kinds := []abi.Signature{abi.SignatureEd25519, abi.SignatureRsaPkcs1Sha256, abi.SignatureRsaPkcs1Sha512, abi.SignatureRsaPssSha256, abi.SignatureRsaPssSha512,
		abi.SignatureEcdsaP256Sha256, abi.SignatureEcdsaP384Sha384}
	h := start(t, exchange.OnRequest, Options{})
	h.g.Bytes = make([]byte, 8192)
	f := func(kind abi.Signature, key, sig string) {
		t.Helper()
		h.want(1, "verify", int(kind), key, data, sig)
		h.want(1, "verify", int(kind), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte(key)})), data, sig)
		h.want(0, "verify", int(kind), key, data+"!", sig)
		h.want(0, "verify", int(kind), key, data, sig[:len(sig)-1])
		h.want(0, "verify", int(kind), key, data, "")
		h.want(0, "verify", int(kind), key, data, string(sig[0]^1)+sig[1:])
		for _, other := range kinds {
			if other != kind && h.call("verify", int(other), key, data, sig) == 1 {
				t.Errorf("a signature of kind %s is right as %s", kind, other)
			}
		}
		h.wantStatus(abi.StatusInvalid, "verify", int(kind), key[:len(key)-1], data, sig)
		h.wantStatus(abi.StatusInvalid, "verify", int(kind), "", data, sig)
	}
	f(abi.SignatureEd25519, der(edPublic), string(ed25519.Sign(edKey, []byte(data))))
	f(abi.SignatureRsaPkcs1Sha256, der(&rsaKey.PublicKey), string(must(rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA256, s256[:]))))
	f(abi.SignatureRsaPkcs1Sha512, der(&rsaKey.PublicKey), string(must(rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA512, s512[:]))))
	f(abi.SignatureRsaPssSha256, der(&rsaKey.PublicKey), pss(crypto.SHA256, s256[:]))
	f(abi.SignatureRsaPssSha512, der(&rsaKey.PublicKey), pss(crypto.SHA512, s512[:]))
	f(abi.SignatureEcdsaP256Sha256, der(&p256.PublicKey), raw(p256, s256[:]))
	f(abi.SignatureEcdsaP256Sha256, der(&p256.PublicKey), string(must(ecdsa.SignASN1(rand.Reader, p256, s256[:]))))
	f(abi.SignatureEcdsaP384Sha384, der(&p384.PublicKey), raw(p384, s384[:]))

	h.want(1, "verify", int(abi.SignatureEd25519), string(edPublic), data, string(ed25519.Sign(edKey, []byte(data))))
	h.wantStatus(abi.StatusInvalid, "verify", 7, der(edPublic), data, "s")
	h.wantStatus(abi.StatusInvalid, "verify", int(abi.SignatureEcdsaP256Sha256), der(&p521.PublicKey), data, "s")
	h.wantStatus(abi.StatusInvalid, "verify", int(abi.SignatureEd25519), "-----BEGIN x", data, "s")
	h.wantStatus(abi.StatusInvalid, "verify", int(abi.SignatureEd25519), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), data, "s")

	large := &rsa.PublicKey{N: rsaKey.N, E: rsaKey.E}
	large.N = large.N.Lsh(large.N, 16384)
	h.wantStatus(abi.StatusInvalid, "verify", int(abi.SignatureRsaPkcs1Sha256), der(large), data, "s")
}
