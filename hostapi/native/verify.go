package native

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"math/big"

	"github.com/wedgecdn/wedge/hostapi/abi"
)

// Prices of one verification, and bounds that keep it near them: a public key
// is a stranger's, and an RSA key of 64 Ki bits would take seconds.
const (
	fuelEd25519 = 60_000
	fuelRSA     = 60_000
	fuelP256    = 80_000
	fuelP384    = 600_000

	minRSABits = 1024
	maxRSABits = 8192
	maxKey     = 16 << 10
)

// verify reads key, data and signature; nothing is written.
func verify(s *Session, a []uint64) int64 {
	kind, key, data, sig := abi.Signature(a[0]), s.view(a, 1), s.view(a, 3), s.view(a, 5)
	price := map[abi.Signature]int64{
		abi.SignatureEd25519: fuelEd25519, abi.SignatureEcdsaP256Sha256: fuelP256, abi.SignatureEcdsaP384Sha384: fuelP384,
		abi.SignatureRsaPkcs1Sha256: fuelRSA, abi.SignatureRsaPkcs1Sha512: fuelRSA, abi.SignatureRsaPssSha256: fuelRSA, abi.SignatureRsaPssSha512: fuelRSA,
	}[kind]
	if price == 0 || len(key) > maxKey {
		return status(abi.StatusInvalid)
	}
	s.call.Charge(price + int64(len(data)))
	right, ok := false, false
	if w := s.b.o.World; w == nil {
		right, ok = verified(kind, key, data, sig)
	} else {
		right, ok = w.Verified(uint32(kind), key, data, sig, func() (bool, bool) { return verified(kind, key, data, sig) })
	}
	switch {
	case !ok:
		return status(abi.StatusInvalid)
	case right:
		return 1
	}
	return 0
}

// verified answers whether the signature is right; ok is false if the key is
// none of that kind.
func verified(kind abi.Signature, key, data, sig []byte) (right, ok bool) {
	if kind == abi.SignatureEd25519 && len(key) == ed25519.PublicKeySize {
		return ed25519.Verify(ed25519.PublicKey(key), data, sig), true
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
		if kind != abi.SignatureEd25519 {
			return false, false
		}
		return ed25519.Verify(k, data, sig), true
	case *rsa.PublicKey:
		return verifiedRSA(kind, k, data, sig)
	case *ecdsa.PublicKey:
		return verifiedECDSA(kind, k, data, sig)
	}
	return false, false
}

func verifiedRSA(kind abi.Signature, k *rsa.PublicKey, data, sig []byte) (right, ok bool) {
	if n := k.N.BitLen(); n < minRSABits || n > maxRSABits {
		return false, false
	}
	var sum [sha512.Size]byte
	h, d := crypto.SHA256, sum[:0]
	switch kind {
	case abi.SignatureRsaPkcs1Sha256, abi.SignatureRsaPssSha256:
		v := sha256.Sum256(data)
		d = append(d, v[:]...)
	case abi.SignatureRsaPkcs1Sha512, abi.SignatureRsaPssSha512:
		v := sha512.Sum512(data)
		h, d = crypto.SHA512, append(d, v[:]...)
	default:
		return false, false
	}
	if kind == abi.SignatureRsaPkcs1Sha256 || kind == abi.SignatureRsaPkcs1Sha512 {
		return rsa.VerifyPKCS1v15(k, h, d, sig) == nil, true
	}
	return rsa.VerifyPSS(k, h, d, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil, true
}

func verifiedECDSA(kind abi.Signature, k *ecdsa.PublicKey, data, sig []byte) (right, ok bool) {
	var d []byte
	switch {
	case kind == abi.SignatureEcdsaP256Sha256 && k.Curve == elliptic.P256():
		v := sha256.Sum256(data)
		d = v[:]
	case kind == abi.SignatureEcdsaP384Sha384 && k.Curve == elliptic.P384():
		v := sha512.Sum384(data)
		d = v[:]
	default:
		return false, false
	}
	if n := (k.Curve.Params().BitSize + 7) / 8; len(sig) == 2*n {
		return ecdsa.Verify(k, d, new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:])), true
	}
	return ecdsa.VerifyASN1(k, d, sig), true
}
