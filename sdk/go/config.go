package wedge

import (
	"iter"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

// Config is a setting that the operator gave this binding, and whether there is one. It can be read during initialisation.
func Config(name string) (string, bool) {
	var buf [room]byte
	v, n := text(raw.Config(name, buf[:]), buf[:], func(b []byte) int32 { return raw.Config(name, b) })
	return v, n >= 0
}

// Settings yields all settings in the order of their names.
func Settings() iter.Seq2[string, string] {
	var buf [4 * room]byte
	list, _ := text(raw.ConfigList(buf[:]), buf[:], raw.ConfigList)
	return pairs(list)
}

// Secret is a secret of this binding, and whether there is one. The node never logs it, and a function should not either. HMACSecret uses one
// without reading it.
func Secret(name string) ([]byte, bool) {
	var buf [room]byte
	v, n := value(raw.Secret(name, buf[:]), buf[:], func(b []byte) int32 { return raw.Secret(name, b) })
	return v, n >= 0
}
