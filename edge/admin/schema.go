package admin

import (
	"encoding"
	"reflect"
	"strings"
	"time"
)

// A field is a field of a struct as JSON has it.
type field struct {
	name     string
	doc      string
	required bool
	of       reflect.Type
}

// fieldsOf lists the fields of a struct in their order.
func fieldsOf(t reflect.Type) (fields []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, field{name, f.Tag.Get("doc"), options == "", f.Type})
	}
	return fields
}

type object = map[string]any

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[Duration]()
	textType     = reflect.TypeFor[encoding.TextMarshaler]()
)

// schemas gathers the JSON Schemas of types, each under its name.
type schemas map[string]any

// of returns the schema of a type, or a reference to it. taken says that
// values of it are read, strictly; those that are sent may gain fields.
func (s schemas) of(t reflect.Type, taken bool) object {
	switch {
	case t == timeType:
		return object{"type": "string", "format": "date-time"}
	case t == durationType:
		return object{"type": "string", "description": "As in 90s or 1h30m."}
	case t.Implements(textType):
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.String:
		schema := object{"type": "string"}
		if v, ok := reflect.Zero(t).Interface().(interface{ Values() []string }); ok {
			schema["enum"] = v.Values()
		}
		return schema
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer", "format": "int64"}
	case reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Pointer: // what may be absent
		return s.of(t.Elem(), taken)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "contentEncoding": "base64"}
		}
		return object{"type": "array", "items": s.of(t.Elem(), taken)}
	case reflect.Struct:
		ref := object{"$ref": "#/components/schemas/" + t.Name()}
		if s[t.Name()] != nil {
			return ref
		}
		properties, required := object{}, []string{}
		schema := object{"type": "object", "properties": properties}
		s[t.Name()] = schema
		for _, f := range fieldsOf(t) {
			p := s.of(f.of, taken)
			if f.doc != "" {
				p["description"] = f.doc
			}
			properties[f.name] = p
			if f.required {
				required = append(required, f.name)
			}
		}
		if len(required) > 0 {
			schema["required"] = required
		}
		if taken {
			schema["additionalProperties"] = false
		}
		return ref
	}
	panic("BUG: the API has no schema for " + t.String())
}

// complete returns v with empty lists instead of absent ones, so that clients
// need not know the difference.
func complete(v any) any {
	p := reflect.New(reflect.TypeOf(v))
	p.Elem().Set(reflect.ValueOf(v))
	fill(p.Elem())
	return p.Interface()
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == timeType {
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
			return
		}
		// The elements are a room's: a copy is filled.
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		for i := range c.Len() {
			fill(c.Index(i))
		}
		v.Set(c)
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(v.Elem())
		fill(c.Elem())
		v.Set(c)
	}
}
