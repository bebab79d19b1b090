package wedge

import "github.com/wedgecdn/wedge/sdk/go/internal/raw"

// Hash is a hash function, at the node's speed.
type Hash uint32

// The hash functions.
const (
	SHA256 = Hash(raw.HashFunctionSha256)
	SHA512 = Hash(raw.HashFunctionSha512)
)

// size is the longest digest.
const size = 64

// Sum is the hash of data.
func (h Hash) Sum(data []byte) ([]byte, error) {
	to := make([]byte, size)
	n := raw.Hash(raw.HashFunction(h), data, to)
	return to[:max(0, n)], failed(n, "hash", "")
}

// HMAC is the authentication code of data (RFC 2104).
func (h Hash) HMAC(key, data []byte) ([]byte, error) {
	to := make([]byte, size)
	n := raw.HMAC(raw.HashFunction(h), key, data, to)
	return to[:max(0, n)], failed(n, "hmac", "")
}

// HMACSecret is HMAC with the binding's secret of that name as the key, which then never enters the function's memory.
func (h Hash) HMACSecret(secret string, data []byte) ([]byte, error) {
	to := make([]byte, size)
	n := raw.HMACSecret(raw.HashFunction(h), secret, data, to)
	return to[:max(0, n)], failed(n, "hmac with secret", secret)
}

// Equal tells whether a and b are equal, in a time that depends on their lengths only. Compare what authenticates with it, never with ==.
func Equal(a, b []byte) bool { return raw.Equal(a, b) == 1 }

// Signature is a kind of signature.
type Signature uint32

// The kinds of signatures.
const (
	Ed25519         = Signature(raw.SignatureEd25519)         // the key may also be the 32 bytes alone
	RSAPKCS1SHA256  = Signature(raw.SignatureRsaPkcs1Sha256)  // RS256
	RSAPKCS1SHA512  = Signature(raw.SignatureRsaPkcs1Sha512)  // RS512
	RSAPSSSHA256    = Signature(raw.SignatureRsaPssSha256)    // PS256
	RSAPSSSHA512    = Signature(raw.SignatureRsaPssSha512)    // PS512
	ECDSAP256SHA256 = Signature(raw.SignatureEcdsaP256Sha256) // ES256: r and s, 32 bytes each, or their ASN.1 form
	ECDSAP384SHA384 = Signature(raw.SignatureEcdsaP384Sha384) // ES384: r and s, 48 bytes each, or their ASN.1 form
)

// Verify tells whether the signature of data is right. The key is a SubjectPublicKeyInfo in DER or PEM form; ErrInvalid if it is none of that
// kind.
func (k Signature) Verify(key, data, signature []byte) (bool, error) {
	n := raw.Verify(raw.Signature(k), key, data, signature)
	return n == 1, failed(n, "verify", "")
}

// Random fills b with random bytes that nobody can guess. It is the same source that crypto/rand reads.
func Random(b []byte) error {
	const most = 64 << 10 // what one call of the node gives
	for len(b) > 0 {
		n := raw.Random(b[:min(len(b), most)])
		if n <= 0 {
			return failed(min(n, int32(ErrIO)), "random", "")
		}
		b = b[n:]
	}
	return nil
}
