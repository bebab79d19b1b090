package main

import (
	"encoding/json"
	"math"
	"net/netip"
	"reflect"
	"strconv"

	"github.com/invopop/jsonschema"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/config/internal/field"
)

// Types of package config say what JSON Schema cannot read off their kind.
type (
	patterned interface{ Pattern() string }
	listed    interface{ Values() []string }
)

// schemaJSON derives the JSON Schema.
func schemaJSON(texts commentMap) ([]byte, error) {
	r := jsonschema.Reflector{
		Anonymous:                  true,
		ExpandedStruct:             true,
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true, // no tag of ours: what is required is said below
		Mapper:                     scalarSchema,
		LookupComment: func(t reflect.Type, name string) string {
			if name == "" {
				return texts[t.Name()]
			}
			// The reflector asks with the outer type and the name of an embedded struct's field.
			for _, f := range field.Of(t) {
				if f.GoName == name {
					return texts.of(f.Owner, name)
				}
			}
			return ""
		},
	}
	s := r.Reflect(config.Config{})
	s.Title = "wedge.yaml"
	s.Description = "Configuration of a Wedge node"
	finish(s, reflect.TypeFor[config.Config]())
	types := map[string]reflect.Type{}
	structs(reflect.TypeFor[config.Config](), types)
	for name, def := range s.Definitions {
		finish(def, types[name])
	}
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

// structs collects the struct types that are reached from t, by name.
func structs(t reflect.Type, into map[string]reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		structs(t.Elem(), into)
	case reflect.Struct:
		if t == reflect.TypeFor[netip.Prefix]() || into[t.Name()] != nil {
			return
		}
		into[t.Name()] = t
		for _, f := range field.Of(t) {
			structs(f.Type, into)
		}
	}
}

// scalarSchema is the schema of a type that is one value in the file, or nil.
func scalarSchema(t reflect.Type) *jsonschema.Schema {
	if t == reflect.TypeFor[netip.Prefix]() {
		return &jsonschema.Schema{Type: "string", Pattern: `^[0-9a-fA-F:.]+(/[0-9]{1,3})?$`}
	}
	switch v := reflect.Zero(t).Interface().(type) {
	case listed:
		s := &jsonschema.Schema{Type: "string"}
		for _, value := range v.Values() {
			s.Enum = append(s.Enum, value)
		}
		return s
	case config.Size, config.Count:
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "integer"}, {Type: "string", Pattern: v.(patterned).Pattern()}}}
	case patterned:
		return &jsonschema.Schema{Type: "string", Pattern: v.Pattern()}
	}
	return nil
}

// finish adds what the tags of t say to the schema of t.
func finish(s *jsonschema.Schema, t reflect.Type) {
	inherits := t == reflect.TypeFor[config.Binding]()
	for _, f := range field.Of(t) {
		p, ok := s.Properties.Get(f.Name)
		if !ok {
			panic("BUG: the schema of " + t.Name() + " lacks " + f.Name)
		}
		if f.Rule.Required {
			s.Required = append(s.Required, f.Name)
			if p.Type == "array" {
				one := uint64(1)
				p.MinItems = &one
			}
		}
		bound(p, f)
		if f.Default != "" && !inherits && t != reflect.TypeFor[config.CachePolicy]() {
			p.Default = defaultOf(f)
		}
		switch f.Type {
		case reflect.TypeFor[[]*config.Binding]():
			name := scalarSchema(reflect.TypeFor[config.Name]())
			p.Items = &jsonschema.Schema{OneOf: []*jsonschema.Schema{name, p.Items}}
		case reflect.TypeFor[*config.Binding]():
			one := *p
			*p = jsonschema.Schema{Description: one.Description, OneOf: []*jsonschema.Schema{scalarSchema(reflect.TypeFor[config.Name]()), &one}}
			one.Description = ""
		case reflect.TypeFor[map[string]string]():
			// As in the file: a number or a boolean is taken as it is written.
			p.AdditionalProperties = &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
		}
	}
	if t == reflect.TypeFor[config.Secret]() {
		s.OneOf = []*jsonschema.Schema{{Required: []string{"file"}}, {Required: []string{"env"}}}
	}
}

// bound adds the limits of numbers and the words none and auto.
func bound(p *jsonschema.Schema, f field.Field) {
	numbers := p
	if len(p.OneOf) > 0 {
		numbers = p.OneOf[0]
	}
	if numbers.Type == "integer" {
		numbers.Minimum = "1"
		if f.Rule.Zero {
			numbers.Minimum = "0"
		}
		numbers.Maximum = json.Number(strconv.Itoa(math.MaxInt64))
		if f.Type.Kind() == reflect.Int {
			numbers.Maximum = json.Number(strconv.Itoa(1 << 31))
			if f.Rule.Max != "" {
				numbers.Maximum = json.Number(f.Rule.Max)
			}
		}
	}
	var words []any
	if f.Rule.None {
		words = append(words, "none")
	}
	if f.Rule.Auto {
		words = append(words, "auto")
	}
	if len(words) > 0 {
		if len(p.OneOf) == 0 {
			p.OneOf = []*jsonschema.Schema{{Type: p.Type, Pattern: p.Pattern}}
			p.Type, p.Pattern = "", ""
		}
		p.OneOf = append(p.OneOf, &jsonschema.Schema{Type: "string", Enum: words})
	}
}

func defaultOf(f field.Field) any {
	switch f.Type.Kind() {
	case reflect.Int:
		n, _ := strconv.Atoi(f.Default)
		return n
	case reflect.Bool:
		return f.Default == "true"
	}
	return f.Default
}
