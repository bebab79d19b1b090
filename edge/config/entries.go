package config

import (
	"encoding"
	"reflect"
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"github.com/wedgecdn/wedge/edge/config/internal/field"
)

// entry is one key of a map with its value.
type entry struct {
	key   string
	at    ast.Node // the key
	value ast.Node
}

// entries lists a map's keys in the order of the file and complains about those that stand twice. What a merge key (<<) brings comes
// after them and only where the map does not name it itself.
func (d *decoder) entries(n ast.Node, path string) []entry {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return nil
	}
	var list []entry
	var merged []ast.Node
	first := map[string]place{}
	for _, v := range m.Values {
		if _, ok := v.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, v.Value)
			continue
		}
		key, ok := keyText(v.Key)
		if !ok {
			d.complain(nodePlace(v.Key), "write a plain word, as name: value", "a key in %s is no text", here(path))
			continue
		}
		if at, twice := first[key]; twice {
			d.complain(nodePlace(v.Key), "the first stands in line "+strconv.Itoa(at.line), "the field %s stands twice in %s", quote(key), here(path))
			continue
		}
		first[key] = nodePlace(v.Key)
		list = append(list, entry{key, v.Key, v.Value})
	}
	for _, from := range merged {
		for _, e := range d.mergeEntries(from, path) {
			if _, ok := first[e.key]; !ok {
				first[e.key] = nodePlace(e.at)
				list = append(list, e)
			}
		}
	}
	return list
}

// mergeEntries lists what a merge key brings: a map, or several in a list, of which the earlier wins.
func (d *decoder) mergeEntries(n ast.Node, path string) []entry {
	at := nodePlace(n)
	switch to := d.resolve(n).(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if !d.spend(len(to.Values)) {
			return nil
		}
		return d.entries(to, path)
	case *ast.SequenceNode:
		var list []entry
		for _, item := range to.Values {
			if m, ok := d.resolve(item).(*ast.MappingNode); ok {
				list = append(list, d.mergeEntries(m, path)...)
				continue
			}
			if d.left < 0 {
				return nil
			}
			d.complain(nodePlace(item), "name the anchor of a map", "<< in %s can merge maps only", here(path))
		}
		return list
	}
	d.complain(at, "name the anchor of a map", "<< in %s can merge maps only", here(path))
	return nil
}

func keyText(n ast.Node) (string, bool) {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return scalarText(n), true
	}
	return "", false
}

// scalarText is the text of a scalar; that of a number is as it was written.
func scalarText(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value
	}
	return ""
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a map"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	return "something else"
}

// setDefaults fills a struct, and the structs in it, with what the default tags say.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for _, f := range field.Of(v.Type()) {
		to := v.FieldByIndex(f.Index)
		if f.Default != "" {
			setText(to, f.Default)
		} else {
			setDefaults(to)
		}
	}
}

// setText sets a value of our own to a text of our own.
func setText(v reflect.Value, text string) {
	var err error
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		err = u.UnmarshalText([]byte(text))
	} else {
		switch v.Kind() {
		case reflect.Bool:
			v.SetBool(text == "true")
		case reflect.String:
			v.SetString(text)
		case reflect.Int:
			var n int
			n, err = strconv.Atoi(text)
			v.SetInt(int64(n))
		default:
			panic("BUG: no default for " + v.Type().String())
		}
	}
	if err != nil {
		panic("BUG: the tag " + text + " is no " + v.Type().String() + ": " + err.Error())
	}
}

// textOf is how the file writes a scalar.
func textOf(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		if err != nil {
			panic("BUG: a valid value cannot be written: " + err.Error())
		}
		return string(text)
	case bool:
		return strconv.FormatBool(x)
	case int:
		return strconv.Itoa(x)
	}
	return v.String()
}
