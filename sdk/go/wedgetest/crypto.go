//go:build !wasip1

package wedgetest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"math/big"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

const (
	maxKey    = 16 << 10
	maxRandom = 64 << 10
)

func digest(f raw.HashFunction) (crypto.Hash, bool) {
	switch f {
	case raw.HashFunctionSha256:
		return crypto.SHA256, true
	case raw.HashFunctionSha512:
		return crypto.SHA512, true
	}
	return 0, false
}

func sum(h crypto.Hash, data []byte) []byte {
	d := h.New()
	d.Write(data)
	return d.Sum(nil)
}

func (h *host) Hash(f raw.HashFunction, data, to []byte) int32 {
	d, ok := digest(f)
	if !ok {
		return int32(raw.StatusInvalid)
	}
	return give(to, string(sum(d, data)))
}

func (h *host) HMAC(f raw.HashFunction, key, data, code []byte) int32 {
	d, ok := digest(f)
	if !ok {
		return int32(raw.StatusInvalid)
	}
	m := hmac.New(d.New, key)
	m.Write(data)
	return give(code, string(m.Sum(nil)))
}

func (h *host) HMACSecret(f raw.HashFunction, secret string, data, code []byte) int32 {
	key, ok := h.node.Secrets[secret]
	if !ok {
		return int32(raw.StatusAbsent)
	}
	return h.HMAC(f, []byte(key), data, code)
}

func (h *host) Equal(a, b []byte) int32 { return int32(subtle.ConstantTimeCompare(a, b)) }

func (h *host) Verify(kind raw.Signature, key, data, signature []byte) int32 {
	right, ok := verified(kind, key, data, signature)
	switch {
	case kind > raw.SignatureEcdsaP384Sha384 || len(key) > maxKey || !ok:
		return int32(raw.StatusInvalid)
	case right:
		return 1
	}
	return 0
}

// verified answers whether the signature is right; ok is false if the key is none of that kind.
func verified(kind raw.Signature, key, data, sig []byte) (right, ok bool) {
	if kind == raw.SignatureEd25519 && len(key) == ed25519.PublicKeySize {
		return ed25519.Verify(key, data, sig), true
	}
	if bytes.HasPrefix(bytes.TrimSpace(key), []byte("-----BEGIN")) {
		block, _ := pem.Decode(key)
		if block == nil || block.Type != "PUBLIC KEY" {
			return false, false
		}
		key = block.Bytes
	}
	public, err := x509.ParsePKIXPublicKey(key)
	if err != nil {
		return false, false
	}
	switch k := public.(type) {
	case ed25519.PublicKey:
		return kind == raw.SignatureEd25519 && ed25519.Verify(k, data, sig), kind == raw.SignatureEd25519
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < 1024 || bits > 8192 {
			return false, false
		}
		pss := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		switch kind {
		case raw.SignatureRsaPkcs1Sha256:
			return rsa.VerifyPKCS1v15(k, crypto.SHA256, sum(crypto.SHA256, data), sig) == nil, true
		case raw.SignatureRsaPkcs1Sha512:
			return rsa.VerifyPKCS1v15(k, crypto.SHA512, sum(crypto.SHA512, data), sig) == nil, true
		case raw.SignatureRsaPssSha256:
			return rsa.VerifyPSS(k, crypto.SHA256, sum(crypto.SHA256, data), sig, pss) == nil, true
		case raw.SignatureRsaPssSha512:
			return rsa.VerifyPSS(k, crypto.SHA512, sum(crypto.SHA512, data), sig, pss) == nil, true
		}
	case *ecdsa.PublicKey:
		switch {
		case kind == raw.SignatureEcdsaP256Sha256 && k.Curve == elliptic.P256():
			return verifiedECDSA(k, sum(crypto.SHA256, data), sig), true
		case kind == raw.SignatureEcdsaP384Sha384 && k.Curve == elliptic.P384():
			return verifiedECDSA(k, sum(crypto.SHA384, data), sig), true
		}
	}
	return false, false
}

func verifiedECDSA(k *ecdsa.PublicKey, d, sig []byte) bool {
	if n := (k.Curve.Params().BitSize + 7) / 8; len(sig) == 2*n {
		return ecdsa.Verify(k, d, new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:]))
	}
	return ecdsa.VerifyASN1(k, d, sig)
}

func (h *host) Random(target []byte) int32 {
	if len(target) > maxRandom {
		return int32(raw.StatusLimit)
	}
	h.node.random.Read(target)
	return int32(len(target))
}

func (h *host) Seed() int64 {
	if h.x != nil {
		return h.x.seed
	}
	return 0
}

func (h *host) Now() int64 {
	if h.x != nil {
		return h.x.Now.UnixNano()
	}
	return h.node.Now.UnixNano()
}

func (h *host) Config(name string, value []byte) int32 {
	v, ok := h.node.Config[name]
	if !ok {
		return int32(raw.StatusAbsent)
	}
	return give(value, v)
}

func (h *host) ConfigList(pairs []byte) int32 { return give(pairs, encodePairs(h.node.settings())) }

func (h *host) Secret(name string, value []byte) int32 {
	v, ok := h.node.Secrets[name]
	if !ok {
		return int32(raw.StatusAbsent)
	}
	return give(value, v)
}
