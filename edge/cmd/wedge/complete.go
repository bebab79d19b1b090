package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
)

// completeCommand is what the scripts of `wedge completion` ask at each press of the key. It prints one candidate a
// line, with a tab and a description behind it if there is one; ":file" asks the shell for names of files. It says
// nothing of what goes wrong: somebody is typing.
type completeCommand struct {
	Words []string `arg:"" optional:""` // the shell, then the words up to the one that is written
}

// patience is how long a person waits for the node while typing.
const patience = 500 * time.Millisecond

func (k completeCommand) Run(c *command) error {
	if len(k.Words) < 2 {
		return nil
	}
	shell, words := k.Words[0], k.Words[1:]
	if shell == "bash" {
		words = glue(words)
	}
	t := typed{node: newParser(io.Discard, io.Discard).Model.Node, flags: map[string]string{}}
	current := words[len(words)-1]
	for _, w := range words[:len(words)-1] {
		if !t.take(w) {
			return nil
		}
	}
	cut := 0 // how much of the candidates the shell has already
	if shell == "bash" {
		cut = strings.LastIndexAny(current, "=:") + 1
	}
	var out strings.Builder
	for _, s := range t.candidates(current, c) {
		if s.word == ":file" {
			out.WriteString(":file\n")
			continue
		}
		if !strings.HasPrefix(s.word, current) || !harmless.MatchString(s.word) {
			continue
		}
		out.WriteString(s.word[cut:])
		if s.about != "" {
			out.WriteString("\t" + clean(s.about))
		}
		out.WriteString("\n")
	}
	_, err := io.WriteString(c.stdout, out.String())
	return err
}

// harmless is what a shell takes as it is: names come from a node, and what is completed lands on a command line.
var harmless = regexp.MustCompile(`^[A-Za-z0-9._:/=-]+$`)

// glue undoes what bash does to words: it takes them apart at each = and :, which become words of their own.
func glue(words []string) (out []string) {
	for i, w := range words {
		after := i > 0 && strings.Trim(words[i-1], "=:") == "" && words[i-1] != ""
		if len(out) > 0 && (after || w != "" && strings.Trim(w, "=:") == "") {
			out[len(out)-1] += w
		} else {
			out = append(out, w)
		}
	}
	return out
}

// typed is what the words so far mean.
type typed struct {
	node    *kong.Node
	args    []string          // positional arguments of node
	flags   map[string]string // values by name
	pending *kong.Flag        // waits for its value
	rest    bool              // behind --, where nothing is a flag
}

// take understands one more word; false if it is none of ours.
func (t *typed) take(word string) bool {
	switch {
	case t.pending != nil:
		t.flags[t.pending.Name], t.pending = word, nil
	case word == "--" && !t.rest:
		t.rest = true
	case strings.HasPrefix(word, "-") && word != "-" && !t.rest:
		name, value, has := strings.Cut(word, "=")
		f := t.flag(name)
		switch {
		case f == nil:
			return false
		case has:
			t.flags[f.Name] = value
		case !f.IsBool():
			t.pending = f
		}
	case t.node.Leaf():
		t.args = append(t.args, word)
	default:
		for _, child := range t.node.Children {
			if child.Name == word && !child.Hidden {
				t.node = child
				return true
			}
		}
		return false
	}
	return true
}

// flag is the flag that a word such as --json or -f names.
func (t *typed) flag(word string) *kong.Flag {
	for _, group := range t.node.AllFlags(true) {
		for _, f := range group {
			if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

// A suggestion is a word that can stand where the cursor is.
type suggestion struct{ word, about string }

// candidates are the words that can stand here, and more: what does not begin as current does is left out later.
func (t *typed) candidates(current string, c *command) (list []suggestion) {
	switch {
	case t.pending != nil:
		return t.values(t.pending.Value, c)
	case strings.HasPrefix(current, "-") && !t.rest:
		if name, _, has := strings.Cut(current, "="); has {
			if f := t.flag(name); f != nil {
				for _, s := range t.values(f.Value, c) {
					if s.word != ":file" {
						list = append(list, suggestion{name + "=" + s.word, s.about})
					}
				}
			}
			return list
		}
		for _, group := range t.node.AllFlags(true) {
			for _, f := range group {
				list = append(list, suggestion{"--" + f.Name, f.Help})
			}
		}
	case !t.node.Leaf():
		for _, child := range t.node.Children {
			if !child.Hidden {
				list = append(list, suggestion{child.Name, child.Help})
			}
		}
	case len(t.args) < len(t.node.Positional):
		return t.values(t.node.Positional[len(t.args)], c)
	}
	return list
}

// values are the words that a flag or an argument can have, as far as they are known here or at the node.
func (t *typed) values(v *kong.Value, c *command) (list []suggestion) {
	if v.Enum != "" {
		for _, e := range v.EnumSlice() {
			list = append(list, suggestion{e, ""})
		}
		return list
	}
	of := v.Tag.Get("complete")
	switch {
	case of == "file" || v.Tag.PlaceHolder == "FILE":
		return []suggestion{{":file", ""}}
	case of == "":
		return nil
	}
	p, err := c.find(nodeFlags{Node: t.flags["node"], TokenFile: t.flags["token-file"], Config: t.flags["config"]})
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.context, c.patience)
	defer cancel()
	node := client.New(client.Options{Base: p.base, Token: p.token, Agent: agent()})
	return t.ask(ctx, node, of)
}

// ask lets the node say which names there are. What it does not answer is not completed.
func (t *typed) ask(ctx context.Context, node *client.Client, of string) (list []suggestion) {
	owner := t.flags["owner"]
	add := func(word, about string) {
		if !slices.ContainsFunc(list, func(s suggestion) bool { return s.word == word }) {
			list = append(list, suggestion{word, about})
		}
	}
	switch of {
	case "function":
		if a, err := node.Functions(ctx, owner, false); err == nil {
			for _, f := range a.V.Functions {
				add(f.Name, runs(f.Active, f.Disabled))
			}
		}
	case "version":
		if a, err := node.Function(ctx, owner, t.args[0]); err == nil {
			for _, v := range a.V.Versions {
				add(short(v.Hash), strings.TrimSpace(timeText(v.Created)+" "+v.Message))
			}
		}
	case "store":
		if a, err := node.Stores(ctx, owner, "", kvPage); err == nil {
			for _, s := range a.V.Stores {
				add(s.Name, counted(int(s.Entries), "key"))
			}
		}
	case "url":
		if a, err := node.Status(ctx); err == nil {
			for _, s := range a.V.Sites {
				for _, h := range s.Hosts {
					if !strings.HasPrefix(h, "*") {
						add("http://"+h+"/", s.Name)
						add("https://"+h+"/", s.Name)
					}
				}
			}
		}
	case "owner":
		if a, err := node.Status(ctx); err == nil {
			for _, s := range a.V.Sites {
				add(s.Owner, "")
			}
			for _, f := range a.V.Functions {
				add(f.Owner, "")
			}
		}
	default:
		panic(fmt.Sprintf("BUG: a value is completed with %q, which nobody knows", of))
	}
	return list
}
