package main

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/config/internal/field"
)

const introduction = `# Configuration

A node reads one file, ` + "`wedge.yaml`" + `. This page lists every field that it knows; it is generated from the types of ` + "`edge/config`" + `
(` + "`go generate ./edge/config`" + `), so it says what the node does. A field that does not stand here is an error.

- Sizes are bytes, as a number or with ` + "`KiB`, `MiB`, `GiB`, `TiB`" + `: ` + "`64KiB`" + `.
- Durations have a unit: ` + "`300ms`, `10s`, `1h30m`" + `.
- Names have 1 to 63 of ` + "`a-z`, `0-9`, `.`, `_`, `-`" + ` and begin with a letter or a digit. They are unique under their owner.
- Paths of files are relative to the folder of ` + "`wedge.yaml`" + `.
- A site uses functions and origins of its own owner only.
- Anchors, aliases and merge keys (` + "`<<`" + `) of YAML work; tags do not. A file has at most 1 MiB.
- ` + "`wedge check`" + ` names everything that is wrong in a file, each with its line. The JSON Schema for editors is ` + "[`edge/config/schema.json`](../config/schema.json)" + `.
`

// reference derives the reference page.
func reference(texts commentMap) []byte {
	var b strings.Builder
	b.WriteString(introduction)
	p := page{&b, texts}
	top := field.Of(reflect.TypeFor[config.Config]())
	b.WriteString("\n## The file\n\n")
	p.table(top)
	for _, f := range top {
		p.section("##", f.Name, f.Type)
	}
	return []byte(b.String())
}

type page struct {
	*strings.Builder
	texts commentMap
}

// section describes a struct, or the struct that a list or map holds, and what is inside it.
func (p page) section(level, path string, t reflect.Type) {
	suffix := ""
	switch t.Kind() {
	case reflect.Slice:
		t, suffix = t.Elem(), "[]"
	case reflect.Map:
		t, suffix = t.Elem(), ".KEY"
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[netip.Prefix]() {
		return
	}
	fmt.Fprintf(p, "\n%s `%s%s`\n\n%s\n\n", level, path, suffix, p.texts[t.Name()])
	if t == reflect.TypeFor[config.Binding]() {
		fmt.Fprintf(p, "`name` and every setting of [`functions[]`](#functions), which override the function's own: %s\n", "a field that is named here replaces the function's, limits are replaced one by one, `config`, `secrets` and `env` key by key.")
		return
	}
	fields := field.Of(t)
	p.table(fields)
	for _, f := range fields {
		if strings.Contains(path, "routes") && f.Type == reflect.TypeFor[config.CachePolicy]() || f.Type == reflect.TypeFor[[]*config.Binding]() && strings.Contains(path, "routes") {
			continue // the same as the site's
		}
		if f.Type == reflect.TypeFor[*config.Binding]() && t != reflect.TypeFor[config.Site]() {
			continue // the same as the site's
		}
		p.section("###", path+suffix+"."+f.Name, f.Type)
	}
}

func (p page) table(fields []field.Field) {
	p.WriteString("| field | type | default | meaning |\n|---|---|---|---|\n")
	for _, f := range fields {
		fmt.Fprintf(p, "| `%s` | %s | %s | %s |\n", f.Name, kind(f), preset(f), strings.ReplaceAll(p.texts.of(f.Owner, f.GoName), "|", `\|`))
	}
}

func preset(f field.Field) string {
	switch {
	case f.Rule.Required:
		return "required"
	case f.Default != "":
		return "`" + f.Default + "`"
	case f.Type.Kind() == reflect.Bool:
		return "`false`"
	}
	return ""
}

// kind says in a few words what a field takes.
func kind(f field.Field) string {
	text := typeName(f.Type)
	if f.Rule.Path {
		text = "path"
		if f.Type.Kind() == reflect.Slice {
			text = "list of paths"
		}
		for _, word := range f.Rule.Except {
			text += ", `" + word + "`"
		}
	}
	if f.Rule.None {
		text += ", `none`"
	}
	if f.Rule.Auto {
		text += ", `auto`"
	}
	if f.Rule.Max != "" {
		text += ", at most " + f.Rule.Max
	}
	return text
}

func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[netip.Prefix]():
		return "network"
	case reflect.TypeFor[config.BaseURL]():
		return "URL"
	case reflect.TypeFor[config.FetchTarget]():
		return "origin or URL"
	case reflect.TypeFor[config.OriginHost](), reflect.TypeFor[config.Host]():
		return "host"
	case reflect.TypeFor[config.CookieName](), reflect.TypeFor[config.FieldName]():
		return "name"
	case reflect.TypeFor[config.Count]():
		return "number"
	case reflect.TypeFor[*config.Binding]():
		return "name or map"
	}
	if v, ok := reflect.Zero(t).Interface().(listed); ok {
		return "`" + strings.Join(v.Values(), "` `") + "`"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list: " + typeName(t.Elem())
	case reflect.Map:
		if t.Elem() == reflect.TypeFor[config.Secret]() {
			return "map of secrets"
		}
		return "map of text"
	case reflect.Struct:
		return "map"
	case reflect.Int:
		return "number"
	case reflect.Bool:
		return "`true` `false`"
	case reflect.String:
		if t.Name() == "string" {
			return "text"
		}
	}
	return strings.ToLower(t.Name())
}
