package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
)

// kvPage is how many entries are asked for at a time.
const kvPage = 1000

type kvList struct {
	Store  string `arg:"" optional:"" complete:"store" help:"Name of the store. Without it the stores are listed."`
	Prefix string `name:"prefix" placeholder:"TEXT" help:"Only keys that begin so."`
	Limit  int    `name:"limit" default:"1000" placeholder:"N" help:"How many at most, ${default} unless said; 0 lists all."`
	After  string `name:"after" placeholder:"CURSOR" help:"Go on behind a list before, whose next this is."`
	jsonFlag
	kvFlags
}

func (k kvList) Run(c *command) error {
	switch {
	case k.Limit < 0:
		return hint(usage(fmt.Errorf("--limit is %d", k.Limit)), "0 lists all")
	case k.Store == "" && k.Prefix != "":
		return hint(usage(errors.New("--prefix is given and no store")), "name the store whose keys begin so")
	}
	node, err := c.node(k.nodeFlags)
	if err != nil {
		return err
	}
	list := k.keys
	if k.Store == "" {
		list = k.stores
	}
	next, err := list(c, node)
	if err != nil {
		return err
	}
	if next != "" && !k.JSON {
		c.note("there are more: --limit 0 lists all, --after %s goes on", next)
	}
	return nil
}

// keys lists the keys of a store and returns where they go on, "" at their end.
func (k kvList) keys(c *command, node *client.Client) (next string, err error) {
	all, err := collect(k.Limit, k.After, func(after string, n int) ([]admin.Key, string, error) {
		a, err := node.Keys(c.context, k.Owner, k.Store, k.Prefix, after, n)
		return a.V.Keys, a.V.Next, err
	})
	if err != nil {
		return "", err
	}
	answer := admin.KeyList{Keys: all.items, Next: all.next}
	return all.next, c.answer(k.jsonFlag, answer, func(w io.Writer) error {
		if len(all.items) == 0 {
			c.note("there are no such keys")
			return nil
		}
		t := newTable(w)
		t.row("KEY", "SIZE", "VERSION", "EXPIRES", "METADATA")
		for _, e := range all.items {
			t.row(e.Key+string(e.Key64), bytesText(int64(e.Size)), fmt.Sprint(e.Version), timeText(e.Expires), e.Metadata+string(e.Metadata64))
		}
		return t.flush()
	})
}

// stores lists the stores, likewise.
func (k kvList) stores(c *command, node *client.Client) (next string, err error) {
	all, err := collect(k.Limit, k.After, func(after string, n int) ([]admin.Store, string, error) {
		a, err := node.Stores(c.context, k.Owner, after, n)
		return a.V.Stores, a.V.Next, err
	})
	if err != nil {
		return "", err
	}
	answer := admin.StoreList{Stores: all.items, Next: all.next}
	return all.next, c.answer(k.jsonFlag, answer, func(w io.Writer) error {
		if len(all.items) == 0 {
			c.note("there are no stores; one exists while it holds a key")
			return nil
		}
		t := newTable(w)
		t.row("STORE", "KEYS", "SIZE")
		for _, s := range all.items {
			t.row(s.Name, fmt.Sprint(s.Entries), bytesText(s.Bytes))
		}
		return t.flush()
	})
}

// A listing is what several pages hold together.
type listing[T any] struct {
	items []T
	next  string
}

// collect reads pages until there are limit items (0: all) or no more.
func collect[T any](limit int, after string, page func(after string, n int) ([]T, string, error)) (listing[T], error) {
	l := listing[T]{items: []T{}, next: after}
	for {
		n := kvPage
		if limit > 0 {
			n = min(n, limit-len(l.items))
		}
		items, next, err := page(l.next, n)
		if err != nil {
			return l, err
		}
		l.items = append(l.items, items...)
		if next != "" && next == l.next {
			return l, hint(errors.New("the node lists the same page again and again"), "this is a fault of the node: report it with its version")
		}
		l.next = next
		if next == "" || limit > 0 && len(l.items) >= limit {
			return l, nil
		}
	}
}
