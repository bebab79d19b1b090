// Package field reads the struct tags that declare a configuration field once for everybody: the decoder, Show, the JSON Schema and
// the reference page. It holds no values and knows no YAML; package config and its generator call it.
//
//	yaml:"name"      the field's name in the file; an embedded struct has no tag, its fields stand in the outer one
//	default:"text"   what holds when the file is silent, in the file's own notation
//	rule:"words"     what a value must keep to, see Rule
package field

import (
	"reflect"
	"strings"
)

// Field is one field of a configuration struct.
type Field struct {
	Name    string // as in the file
	GoName  string
	Owner   reflect.Type // the struct that declares it, which is an embedded one for inlined fields
	Index   []int        // for reflect.Value.FieldByIndex
	Type    reflect.Type
	Default string // empty: the zero value
	Rule    Rule
}

// Rule is the parsed form of a rule tag. The words are separated by spaces.
type Rule struct {
	Required bool     // "required": the file must name the field
	None     bool     // "none": the word none is a value and means that nothing bounds it
	Auto     bool     // "auto": the word auto is a value and means what is usual
	Zero     bool     // "zero": 0 is a value; without it a size, a duration or a number must be above 0
	Later    bool     // "later": its default depends on other parts of the file, so it is read after them
	Path     bool     // "path": a file name, or a list of them, relative to the configuration file
	Except   []string // "except=a|b": words that are no path although the field is one
	Max      string   // "max=text": the largest value, in the file's notation
}

// Of returns the fields of a struct type in the order of their declaration. A field without a yaml tag is no part of the file.
func Of(t reflect.Type) []Field {
	var fields []Field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			for _, inner := range Of(f.Type) {
				inner.Index = append([]int{i}, inner.Index...)
				fields = append(fields, inner)
			}
			continue
		}
		name := f.Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		fields = append(fields, Field{
			Name: name, GoName: f.Name, Owner: t, Index: []int{i}, Type: f.Type,
			Default: f.Tag.Get("default"),
			Rule:    parse(t, f),
		})
	}
	return fields
}

func parse(t reflect.Type, f reflect.StructField) Rule {
	var r Rule
	for word := range strings.FieldsSeq(f.Tag.Get("rule")) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "required":
			r.Required = true
		case "none":
			r.None = true
		case "auto":
			r.Auto = true
		case "zero":
			r.Zero = true
		case "later":
			r.Later = true
		case "path":
			r.Path = true
		case "except":
			r.Except = strings.Split(value, "|")
		case "max":
			r.Max = value
		default:
			panic("BUG: " + t.Name() + "." + f.Name + ": unknown word " + word + " in its rule tag")
		}
	}
	return r
}
