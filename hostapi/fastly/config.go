package fastly

import (
	"encoding/json"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// configStore is a config store or a dictionary: what of the binding's config
// begins with its name.
type configStore struct{ prefix string }

// hasStore tells whether there is anything under the name.
func hasStore[V any](values map[string]V, name string) bool {
	for k := range values {
		if strings.HasPrefix(k, name+".") {
			return true
		}
	}
	return false
}

// maxKey is the longest name of a store or an endpoint, and the longest key of an item, which is counted in characters.
const maxKey = 255

func (c *call) openConfig(missing status) status {
	name := c.text(0)
	if name == "" || len(name) > maxKey || !hasStore(c.b.o.Config, name) {
		c.put32(1, noHandle)
		return missing
	}
	return c.open(1, &configStore{strings.Clone(name) + "."})
}

func configOpen(c *call) status     { return c.openConfig(none) }
func dictionaryOpen(c *call) status { return c.openConfig(badHandle) }

func configGet(c *call) status {
	s, found := find[configStore](c, c.u32(0))
	if !found {
		return badHandle
	}
	key := c.text(1)
	if key == "" || utf8.RuneCountInString(key) > maxKey {
		return invalid
	}
	v, found := c.b.o.Config[s.prefix+key]
	if !found {
		c.put32(3, 0)
		return none
	}
	return c.give(2, 3, v)
}

// secretStore is what of the binding's secrets begins with its name; secret is one of them.
type (
	secretStore struct{ prefix string }
	secret      struct {
		booking
		value []byte
	}
)

func secretOpen(c *call) status {
	name := c.text(0)
	if !hasStore(c.b.o.Secrets, name) {
		c.put32(1, noHandle)
		return none
	}
	return c.open(1, &secretStore{strings.Clone(name) + "."})
}

func secretGet(c *call) status {
	s, found := find[secretStore](c, c.u32(0))
	if !found {
		return badHandle
	}
	v, found := c.b.o.Secrets[s.prefix+c.text(1)]
	if !found {
		c.put32(2, noHandle)
		return none
	}
	return c.open(2, &secret{value: []byte(v)})
}

func secretPlaintext(c *call) status {
	s, found := find[secret](c, c.u32(0))
	if !found {
		return badHandle
	}
	return c.give(1, 2, string(s.value))
}

func secretFromBytes(c *call) status {
	if c.size(0) > 64<<10 {
		return limitExceeded
	}
	return c.open(1, &secret{value: []byte(c.text(0))})
}

// acl is a list of networks with what is to be done about each.
type acl struct{ entries []aclEntry }

// aclEntry is one line of an ACL, in JSON as fastly.toml has it: op create or update, prefix, action ALLOW or BLOCK.
type aclEntry struct {
	Op     string `json:"op,omitempty"`
	Prefix string `json:"prefix"`
	Action string `json:"action"`
}

func aclOpen(c *call) status {
	text, found := c.b.o.Config["acl."+c.text(0)]
	if !found {
		c.put32(1, noHandle)
		return none
	}
	var list struct {
		Entries []aclEntry `json:"entries"`
	}
	if json.Unmarshal([]byte(text), &list) != nil {
		return failed
	}
	return c.open(1, &acl{list.Entries})
}

// aclLookup answers with the entry of the smallest network that has the address.
func aclLookup(c *call) status {
	const fine, noContent = 1, 2
	a, found := find[acl](c, c.u32(0))
	if !found {
		return badHandle
	}
	addr, valid := netip.AddrFromSlice(c.view(1))
	if !valid {
		return invalid
	}
	best, bits := aclEntry{}, -1
	for _, e := range a.entries {
		p, err := netip.ParsePrefix(e.Prefix)
		if err == nil && p.Contains(addr) && p.Bits() > bits {
			best, bits = e, p.Bits()
		}
	}
	c.put32(2, noHandle)
	if bits < 0 {
		c.put32(3, noContent)
		return ok
	}
	best.Op = ""
	text, err := json.Marshal(best)
	if err != nil {
		return failed
	}
	c.put32(3, fine)
	return c.openBytes(2, text)
}
