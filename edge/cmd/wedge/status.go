package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
)

type statusCommand struct {
	jsonFlag
	nodeFlags
}

func (s statusCommand) Run(c *command) error {
	node, err := c.node(s.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.Status(c.context)
	if err != nil {
		return err
	}
	return c.answer(s.jsonFlag, a.Raw, func(w io.Writer) error { return printStatus(w, a.V, c.asked) })
}

func printStatus(w io.Writer, s admin.Status, at *place) error {
	t := newTable(w)
	state := "ready"
	switch {
	case s.Draining:
		state = "draining: it takes no new requests"
	case !s.Ready:
		state = "not ready"
	}
	up := time.Duration(s.UptimeSeconds * float64(time.Second)).Round(time.Second)
	t.row("node", fmt.Sprintf("%s, wedge %s, up %s, %s", at.base, cmp.Or(s.Version, "devel"), up, state))
	t.row("listen", strings.Join(s.Listen, ", "))
	t.row("cache", fmt.Sprintf("%s, %s of %s, %d being fetched, %s", counted(int(s.Cache.Objects), "object"),
		bytesText(s.Cache.Bytes), bytesText(s.Cache.Limit), s.Cache.Fills, counted(int(s.Cache.Purges), "purge")))
	t.row("disk", diskText(s.Cache.Disk))
	t.row("memory", fmt.Sprintf("%s of %s, heap %s", bytesText(s.Memory.Total), bytesText(s.Memory.Limit), bytesText(s.Memory.Heap)))
	head := "sites" // of the first row; those below it stand under the first
	for _, site := range s.Sites {
		t.row(head, fmt.Sprintf("%s: %s, %s", owned(site.Owner, site.Name), strings.Join(site.Hosts, " "), counted(site.Routes, "route")))
		head = " "
	}
	head = "functions"
	for _, f := range s.Functions {
		t.row(head, owned(f.Owner, f.Name)+": "+runs(f.Active, f.Disabled))
		head = " "
	}
	return t.flush()
}

// diskText tells of the cache on disk. A node answers only when it has read what an earlier run stored there.
func diskText(d *admin.DiskStatus) string {
	if d == nil {
		return "none"
	}
	text := fmt.Sprintf("%s, %s of %s, ready", counted(int(d.Objects), "object"), bytesText(d.Bytes), bytesText(d.Limit))
	if d.Faults > 0 {
		text += fmt.Sprintf("; %s, of which the node's log tells", counted(int(d.Faults), "failure"))
	}
	return text
}

// owned is a name as people write it: with its owner only if that is not the default one.
func owned(owner, name string) string {
	if owner == "" || owner == "default" {
		return name
	}
	return owner + "/" + name
}

// runs says what a function does now.
func runs(active string, disabled bool) string {
	switch {
	case disabled:
		return "disabled"
	case active == "":
		return "no version runs"
	}
	return "runs " + short(active)
}
