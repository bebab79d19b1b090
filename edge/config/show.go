package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Show writes the configuration as YAML with everything that is in effect: defaults are written out, paths are absolute, sizes and
// durations have one form. Bindings and routes name what differs from their function or site. A secret appears as its source, never as
// its value. Parse reads it back to an equal configuration, unless it became longer than MaxFile.
func Show(c *Config) []byte {
	var b strings.Builder
	builder{}.config(c).write(&b, 0)
	return []byte(b.String())
}

// write writes the fields of a table, each on lines of its own.
func (t *tree) write(b *strings.Builder, indent int) {
	for i, key := range t.keys {
		if i > 0 || indent == 0 {
			b.WriteString(strings.Repeat(" ", indent))
		}
		b.WriteString(quoteYAML(key) + ":")
		t.children[i].writeValue(b, indent)
	}
}

// writeValue writes what follows a key, to the end of its last line.
func (t *tree) writeValue(b *strings.Builder, indent int) {
	switch t.kind {
	case scalar, flatList:
		b.WriteString(" " + t.text + "\n")
	case table:
		b.WriteString("\n" + strings.Repeat(" ", indent+2))
		t.write(b, indent+2)
	case list:
		b.WriteString("\n")
		for _, item := range t.children {
			b.WriteString(strings.Repeat(" ", indent+2) + "- ")
			if item.kind == table {
				item.write(b, indent+4)
			} else {
				b.WriteString(item.text + "\n")
			}
		}
	}
}

// quoteYAML writes a text so that every reader of YAML takes it for that text: plain where it cannot be mistaken for a number or a word
// with a meaning, in double quotes otherwise.
func quoteYAML(text string) string {
	if plainYAML(text) {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' || unicode.IsGraphic(r) && r != '\ufeff' && !unicode.IsSpace(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func plainYAML(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '/':
		case i > 0 && ('0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	switch strings.ToLower(text) {
	// The last ones are words of YAML 1.1.
	case "", "null", "true", "false", "nan", "inf", "yes", "no", "on", "off", "y", "n":
		return false
	}
	return true
}

func sortedKeys(m reflect.Value) []string {
	var keys []string
	for _, k := range m.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	return keys
}
