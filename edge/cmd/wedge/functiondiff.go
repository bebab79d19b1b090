package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
)

// functionDiff tells by what two versions of a function differ: what they are made of, and what they cost.
type functionDiff struct {
	Name string `arg:"" complete:"function" help:"Name of the function."`
	A    string `arg:"" complete:"version" help:"Hash of a version, or its first digits, at least 8."`
	B    string `arg:"" optional:"" complete:"version" help:"Hash of the other; the one that runs unless said."`
	functionFlags
}

// A versionDiff is the answer as JSON.
type versionDiff struct {
	A       admin.VersionDetail `json:"a"`
	B       admin.VersionDetail `json:"b"`
	Differs []versionDifference `json:"differs"`
}

// A versionDifference is one thing that differs; one of the two texts is empty where a version does not have it.
type versionDifference struct {
	What string `json:"what"`
	A    string `json:"a"`
	B    string `json:"b"`
}

func (f functionDiff) Run(c *command) error {
	node, err := c.node(f.nodeFlags)
	if err != nil {
		return err
	}
	if f.B == "" {
		a, err := node.Function(c.context, f.Owner, f.Name)
		if err != nil {
			return err
		}
		if f.B = a.V.Active; f.B == "" {
			return hint(usage(fmt.Errorf("function %s runs no version to compare with", f.Name)), "name two versions")
		}
	}
	for _, v := range []string{f.A, f.B} {
		if len(v) < 8 {
			return hint(usage(fmt.Errorf("version %q is too short", v)), `at least 8 digits name a version; "wedge function show %s" lists them`, f.Name)
		}
	}
	var both [2]client.Answer[admin.VersionDetail]
	for i, v := range []string{f.A, f.B} {
		if both[i], err = node.Version(c.context, f.Owner, f.Name, v); err != nil {
			return err
		}
	}
	d := versionDiff{A: both[0].V, B: both[1].V}
	d.Differs = compareVersions(d.A, d.B)
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return c.answer(f.jsonFlag, json.RawMessage(raw), func(w io.Writer) error { return printVersionDiff(w, d) })
}

// compareVersions lists what differs.
func compareVersions(a, b admin.VersionDetail) []versionDifference {
	list := []versionDifference{}
	note := func(what, x, y string) {
		if x != y {
			list = append(list, versionDifference{what, x, y})
		}
	}
	if a.Version.Hash == b.Version.Hash {
		return list
	}
	note("size", bytesText(int64(a.Version.Size)), bytesText(int64(b.Version.Size)))
	note("abi", a.Version.ABI, b.Version.ABI)
	note("memory", bytesText(a.Memory), bytesText(b.Memory))
	set := func(what string, x, y []string) {
		for _, name := range x {
			if !slices.Contains(y, name) {
				note(what, name, "")
			}
		}
		for _, name := range y {
			if !slices.Contains(x, name) {
				note(what, "", name)
			}
		}
	}
	set("hook", a.Version.Hooks, b.Version.Hooks)
	set("import", a.Imports, b.Imports)
	set("export", a.Exports, b.Exports)
	sections := func(d admin.VersionDetail) (names []string, text map[string]string) {
		text = map[string]string{}
		for _, s := range d.Sections {
			name := "section " + s.Name
			if s.Custom {
				name = "custom section " + s.Name
			}
			if text[name] == "" {
				names = append(names, name)
			}
			text[name] = strings.TrimPrefix(text[name]+", "+bytesText(int64(s.Size))+" "+s.Hash, ", ")
		}
		return names, text
	}
	names, x := sections(a)
	more, y := sections(b)
	for _, name := range more {
		if x[name] == "" {
			names = append(names, name)
		}
	}
	for _, name := range names {
		note(name, x[name], y[name])
	}
	for _, hook := range []string{"on_request", "on_fetch", "on_fetched", "on_error", "on_response"} {
		note("fuel of "+hook, fuelOf(a, hook), fuelOf(b, hook))
	}
	return list
}

// fuelOf is what an empty call of a hook costs; "" if there is none.
func fuelOf(d admin.VersionDetail, hook string) string {
	for _, k := range d.Calls {
		if k.Hook == hook && k.Failed != "" {
			return "fails: " + k.Failed
		}
		if k.Hook == hook {
			return strconv.FormatInt(k.Fuel, 10)
		}
	}
	return ""
}

func printVersionDiff(w io.Writer, d versionDiff) error {
	if len(d.Differs) == 0 {
		return line("%s is %s: nothing differs", short(d.A.Version.Hash), short(d.B.Version.Hash))(w)
	}
	t := newTable(w)
	head := func(d admin.VersionDetail) string {
		if d.Runs {
			return short(d.Version.Hash) + " (runs)"
		}
		return short(d.Version.Hash)
	}
	t.row("", head(d.A), head(d.B))
	for _, x := range d.Differs {
		b := x.B
		if b == "" {
			b = "-"
		}
		t.row(x.What, x.A, b)
	}
	return t.flush()
}
