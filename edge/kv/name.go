package kv

// Owner is a tenant. Stores, quotas and accounting live under it.
type Owner string

// StoreName names a store under its owner.
type StoreName string

const (
	// MaxName is the longest owner or store name, in bytes.
	MaxName = 63
	// MaxKey is the longest key, in bytes. Fastly Compute has the same, and its programs must not find less here.
	MaxKey = 1024
	// MaxMetadata is the most metadata an entry may have, in bytes.
	MaxMetadata = 1024
)

// Check tells whether the owner's name has the form that file keys and command lines rely on.
func (o Owner) Check() error { return checkName("owner", string(o)) }

// Check tells whether the store's name has the form that file keys and command lines rely on.
func (n StoreName) Check() error { return checkName("store", string(n)) }

// checkName accepts [a-z0-9][a-z0-9_-]{0,62}.
func checkName(what, s string) error {
	if s == "" {
		return invalidf("kv: %s name is empty: use 1 to %d of a-z, 0-9, _ and -", what, MaxName)
	}
	if len(s) > MaxName {
		return invalidf("kv: %s name %.20q… has %d bytes: at most %d are allowed", what, s, len(s), MaxName)
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case (c == '_' || c == '-') && i > 0:
		default:
			return invalidf("kv: %s name %q: byte %d is %q: use a-z, 0-9, and after the first also _ and -", what, s, i+1, c)
		}
	}
	return nil
}

// checkKey accepts 1 to MaxKey bytes without NUL. A key need not be UTF-8: foreign guest interfaces hand over
// plain bytes. NUL is refused because neither command lines nor environment variables can carry it.
func checkKey(key []byte) error {
	if len(key) == 0 {
		return invalidf("kv: key is empty: use 1 to %d bytes", MaxKey)
	}
	if len(key) > MaxKey {
		return &SizeError{What: "key", Size: len(key), Max: MaxKey}
	}
	for i, c := range key {
		if c == 0 {
			return invalidf("kv: key has a NUL at byte %d: remove it", i+1)
		}
	}
	return nil
}
