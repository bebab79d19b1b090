package main

import (
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
)

// kvCommands are about the stores that functions use.
type kvCommands struct {
	Get    kvGet    `cmd:"" help:"Print the value of a key, as it is."`
	Put    kvPut    `cmd:"" help:"Store a value under a key."`
	Delete kvDelete `cmd:"" help:"Delete a key."`
	List   kvList   `cmd:"" help:"List the keys of a store, or the stores."`
	Add    kvAdd    `cmd:"" help:"Add to the number under a key."`
	Import kvImport `cmd:"" help:"Put the lines of an export into a store."`
	Export kvExport `cmd:"" help:"Print all of a store, one JSON object a line."`
	Drop   kvDrop   `cmd:"" help:"Delete a store with all its keys."`
}

// kvFlags are embedded by the commands about stores.
type kvFlags struct {
	ownerFlag
	nodeFlags
}

type kvGet struct {
	Store string `arg:"" complete:"store" help:"Name of the store."`
	Key   string `arg:"" help:"The key."`
	jsonFlag
	kvFlags
}

// A kvEntry is what `wedge kv get --json` prints. What is not UTF-8 stands in base64 in the field with 64 in its name.
type kvEntry struct {
	Key        string    `json:"key,omitempty"`
	Key64      []byte    `json:"key64,omitempty"`
	Value      *string   `json:"value,omitempty"`
	Value64    []byte    `json:"value64,omitempty"`
	Metadata   string    `json:"metadata,omitempty"`
	Metadata64 []byte    `json:"metadata64,omitempty"`
	Version    uint64    `json:"version"`
	Expires    time.Time `json:"expires,omitzero"`
}

func (k kvGet) Run(c *command) error {
	node, err := c.node(k.nodeFlags)
	if err != nil {
		return err
	}
	e, err := node.Value(c.context, k.Owner, k.Store, k.Key)
	if err != nil {
		return err
	}
	return c.answer(k.jsonFlag, entryOf(k.Key, e), func(w io.Writer) error {
		_, err := w.Write(e.Value) // as it is: this is data, for a file or a pipe, and no line break is added
		return err
	})
}

func entryOf(key string, e admin.Entry) (a kvEntry) {
	a.Version, a.Expires = e.Version, e.Expires
	if utf8.ValidString(key) {
		a.Key = key
	} else {
		a.Key64 = []byte(key)
	}
	if utf8.Valid(e.Value) {
		v := string(e.Value)
		a.Value = &v // so that an empty one is there too
	} else {
		a.Value64 = e.Value
	}
	if utf8.Valid(e.Metadata) {
		a.Metadata = string(e.Metadata)
	} else {
		a.Metadata64 = e.Metadata
	}
	return a
}

type kvPut struct {
	Store     string        `arg:"" complete:"store" help:"Name of the store; it exists while it holds a key."`
	Key       string        `arg:"" help:"The key."`
	Value     *string       `arg:"" optional:"" help:"The value. Without it and without --file it is read from stdin."`
	File      string        `name:"file" placeholder:"FILE" help:"Read the value from a file; - is stdin."`
	TTL       time.Duration `name:"ttl" placeholder:"TIME" help:"How long it lives, as in 90s or 1h30m. For ever unless said."`
	IfVersion uint64        `name:"if-version" placeholder:"N" help:"Only over this version."`
	IfAbsent  bool          `name:"if-absent" help:"Only if there is no such key."`
	Metadata  *string       `name:"metadata" placeholder:"TEXT" help:"Text that is kept beside the value."`
	jsonFlag
	kvFlags
}

func (k kvPut) Run(c *command) error {
	switch {
	case k.Value != nil && k.File != "":
		return hint(usage(errors.New("two values are given, an argument and --file")), "leave one of them out")
	case k.IfAbsent && k.IfVersion != 0:
		return hint(usage(errors.New("--if-absent and --if-version are both given")), "leave one of them out")
	case k.TTL < 0:
		return errTTL(k.TTL)
	}
	node, err := c.node(k.nodeFlags)
	if err != nil {
		return err
	}
	w := client.Write{TTL: k.TTL, IfVersion: k.IfVersion, IfAbsent: k.IfAbsent}
	if k.Metadata != nil {
		w.Metadata = []byte(*k.Metadata)
	}
	body, size, err := c.value(k.Value, k.File)
	if err != nil {
		return err
	}
	defer body.Close()
	w.Body, w.Size = body, size
	a, err := node.PutValue(c.context, k.Owner, k.Store, k.Key, w)
	if err != nil {
		return err
	}
	return c.answer(k.jsonFlag, a.Raw, line("stored, version %d", a.V.Version))
}

func errTTL(ttl time.Duration) error {
	return hint(usage(fmt.Errorf("--ttl is %v", ttl)), "say a time above 0; without --ttl the key lives for ever")
}

type kvDelete struct {
	Store     string `arg:"" complete:"store" help:"Name of the store."`
	Key       string `arg:"" help:"The key."`
	IfVersion uint64 `name:"if-version" placeholder:"N" help:"Only if it is at this version."`
	jsonFlag
	kvFlags
}

func (k kvDelete) Run(c *command) error {
	node, err := c.node(k.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.DeleteValue(c.context, k.Owner, k.Store, k.Key, k.IfVersion)
	if err != nil {
		return err
	}
	text := line("deleted")
	if !a.V.Deleted {
		text = line("there was no such key")
	}
	return c.answer(k.jsonFlag, a.Raw, text)
}

type kvAdd struct {
	Store string        `arg:"" complete:"store" help:"Name of the store."`
	Key   string        `arg:"" help:"The key; one that is not there counts as 0."`
	N     int64         `arg:"" optional:"" default:"1" help:"What is added, ${default} unless said. A negative number comes last, behind --."`
	TTL   time.Duration `name:"ttl" placeholder:"TIME" help:"How long a key lives that this makes. For ever unless said."`
	jsonFlag
	kvFlags
}

func (k kvAdd) Run(c *command) error {
	if k.TTL < 0 {
		return errTTL(k.TTL)
	}
	node, err := c.node(k.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.Add(c.context, k.Owner, k.Store, k.Key, k.N, k.TTL)
	if err != nil {
		return err
	}
	return c.answer(k.jsonFlag, a.Raw, line("%d", a.V.Value))
}

type kvDrop struct {
	Store string `arg:"" complete:"store" help:"Name of the store."`
	yesFlag
	jsonFlag
	kvFlags
}

func (k kvDrop) Run(c *command) error {
	node, err := c.node(k.nodeFlags)
	if err != nil {
		return err
	}
	if err := c.confirm(k.yesFlag, "delete the store %q with all its keys", k.Store); err != nil {
		return err
	}
	a, err := node.DropStore(c.context, k.Owner, k.Store)
	if err != nil {
		return err
	}
	return c.answer(k.jsonFlag, a.Raw, line("deleted %s with %s", owned(k.Owner, k.Store), counted(a.V.Removed, "key")))
}
