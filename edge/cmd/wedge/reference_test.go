package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// golden compares text with a file, or writes it there with -rewrite.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s is not what it should be; \"go generate\" or \"go test -rewrite\" writes it anew (-file +now):\n%s", file, diff)
	}
}

// TestHelp keeps every page of --help as people see it.
func TestHelp(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	var all strings.Builder
	visit(newParser(nil, nil).Model.Node, func(n *kong.Node) {
		if n.Hidden {
			return
		}
		args := append(strings.Fields(n.Path()), "--help")
		fmt.Fprintf(&all, "$ wedge %s\n", strings.Join(args, " "))
		var stderr strings.Builder
		if code := run(args, nil, &all, &stderr); code != exitOK || stderr.Len() > 0 {
			t.Errorf("wedge %q: exit code %d, stderr %q", args, code, stderr.String())
		}
		all.WriteString("\n")
	})
	golden(t, "testdata/help.txt", all.String())
}

// TestReference keeps the reference page what the commands are.
func TestReference(t *testing.T) {
	golden(t, filepath.FromSlash("../../docs/cli.md"), reference(newParser(nil, nil).Model.Node))
}

// Every command and everything that it takes is explained, in sentences that end.
func TestEverythingIsExplained(t *testing.T) {
	check := func(what, help string) {
		t.Helper()
		if !strings.HasSuffix(help, ".") {
			t.Errorf("%s: the help %q is no sentence", what, help)
		}
	}
	visit(newParser(nil, nil).Model.Node, func(n *kong.Node) {
		check(n.FullPath(), n.Help)
		if n.Hidden {
			return
		}
		for _, a := range n.Positional {
			check(n.FullPath()+" "+a.Name, a.Help)
		}
		for _, f := range n.Flags {
			check(n.FullPath()+" --"+f.Name, f.Help)
			if !f.IsBool() && f.PlaceHolder == "" && f.Enum == "" {
				t.Errorf("%s --%s: no placeholder says what it takes", n.FullPath(), f.Name)
			}
		}
	})
}

// reference writes the page of all commands.
func reference(root *kong.Node) string {
	var b strings.Builder
	b.WriteString(`# The command line

<!-- Generated from the commands themselves: edge/cmd/wedge, go generate. -->

One binary is the node and what operates it. ` + "`wedge`" + ` alone, and ` + "`--help`" + ` behind every command, say the same as this page.

- The answer stands on stdout, everything else on stderr: errors, hints, notes, progress. Progress is shown on a terminal only.
- ` + "`--json`" + ` answers in JSON. Fields are only ever added. ` + "`wedge function logs`" + ` prints one object a line.
- The exit code is 0 if it was done, 1 if it did not work, 2 if it was not understood.
- An error is a line ` + "`wedge: error: `" + ` and, where there is a next step, a line ` + "`wedge: hint: `" + `.
- What cannot be undone is asked for on a terminal, and needs ` + "`--yes`" + ` elsewhere.
- What begins with ` + "`-`" + ` and is no flag stands behind ` + "`--`" + `, as in ` + "`wedge kv add counters visits -- -5`" + `.

## Which node

The commands that ask a node take these flags. The token of a configuration is sent to the address of that configuration and to no other.

`)
	status := child(root, "status")
	flagTable(&b, status, true)
	b.WriteString("\nThose about the things of an owner take this one too.\n\n")
	for _, f := range child(child(root, "function"), "list").Flags {
		if f.Name == "owner" {
			b.WriteString("| flag | meaning |\n| --- | --- |\n" + flagRow(f))
		}
	}
	visit(root, func(n *kong.Node) {
		if n.Hidden || n == root {
			return
		}
		fmt.Fprintf(&b, "\n%s %s\n\n%s\n", map[bool]string{true: "###", false: "##"}[n.Leaf() && n.Parent != root], n.FullPath(), n.Help)
		if n.Detail != "" {
			fmt.Fprintf(&b, "\n%s\n", n.Detail)
		}
		if !n.Leaf() {
			return
		}
		fmt.Fprintf(&b, "\n```\nwedge %s\n```\n", n.Summary())
		if len(n.Positional) > 0 {
			b.WriteString("\n| argument | meaning |\n| --- | --- |\n")
			for _, a := range n.Positional {
				fmt.Fprintf(&b, "| `%s` | %s |\n", a.Summary(), a.Help)
			}
		}
		b.WriteString("\n")
		flagTable(&b, n, false)
	})
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func child(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	panic("BUG: no command " + name)
}

// flagTable lists a command's flags: those that say which node, or the others.
func flagTable(b *strings.Builder, n *kong.Node, node bool) {
	var rows string
	for _, f := range n.Flags {
		if (f.Group != nil) == node {
			rows += flagRow(f)
		}
	}
	if rows != "" {
		b.WriteString("| flag | meaning |\n| --- | --- |\n" + rows)
	}
}

func flagRow(f *kong.Flag) string {
	name := "--" + f.Name
	if f.Short != 0 {
		name = "-" + string(f.Short) + ", " + name
	}
	if !f.IsBool() {
		name += "=" + f.FormatPlaceHolder()
	}
	return fmt.Sprintf("| `%s` | %s |\n", name, f.Help)
}
