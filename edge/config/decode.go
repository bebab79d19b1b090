package config

import (
	"encoding"
	"maps"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"

	"github.com/wedgecdn/wedge/edge/config/internal/field"
)

// decoder turns the tree of a file into the structs of this package. It does not stop at a problem: what cannot be read keeps its
// default, so that the rest is looked at as well.
//
// The library's own decoder is not used because it stops at the first problem and knows neither limits for aliases nor the rule tags.
type decoder struct {
	*source
	dir     string // of the file; relative paths begin here
	anchors map[string]ast.Node
	aliases map[*ast.AliasNode]ast.Node // each alias with the anchor that stands before it
	left    int                         // values that may still be read; aliases use it up
	fields  map[reflect.Type][]field.Field
	fresh   map[reflect.Type]reflect.Value // structs that hold their defaults
	places  map[string]place               // where each value of the result stands, by its path as in "sites[0].hosts[1]"
	later   map[string]ast.Node            // the values of fields with the rule "later"
}

func newDecoder(s *source, dir string, root ast.Node) *decoder {
	d := &decoder{
		source: s, dir: dir,
		anchors: map[string]ast.Node{}, aliases: map[*ast.AliasNode]ast.Node{},
		left:   maxAliased,
		fields: map[reflect.Type][]field.Field{}, fresh: map[reflect.Type]reflect.Value{}, places: map[string]place{}, later: map[string]ast.Node{},
	}
	d.survey(root)
	return d
}

// survey walks the tree once as it stands in the file, counts it and ties each alias to its anchor.
func (d *decoder) survey(n ast.Node) {
	d.left++
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			d.survey(v)
		}
	case *ast.MappingValueNode:
		d.survey(n.Value)
	case *ast.SequenceNode:
		for _, v := range n.Values {
			d.survey(v)
		}
	case *ast.AnchorNode:
		// The value first: an alias inside its own anchor leads nowhere.
		d.survey(n.Value)
		if name := scalarText(n.Name); name != "" {
			d.anchors[name] = n.Value
		}
	case *ast.AliasNode:
		if to, ok := d.anchors[scalarText(n.Value)]; ok {
			d.aliases[n] = to
			return
		}
		hint := "an anchor stands before its aliases"
		if near := nearest(scalarText(n.Value), slices.Sorted(maps.Keys(d.anchors))); near != "" {
			hint = "did you mean " + quote(near) + "?"
		}
		d.complain(nodePlace(n), hint, "there is no anchor %s above this line", quote(scalarText(n.Value)))
	}
}

// resolve follows anchors and aliases to the value itself. It returns nil for a value that is not there, which was complained about.
func (d *decoder) resolve(n ast.Node) ast.Node {
	for {
		if !d.spend(1) {
			return nil
		}
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.AliasNode:
			// An anchor's value lies wholly above its aliases, so this ends.
			n = d.aliases[v]
		default:
			return n
		}
		if n == nil {
			return nil
		}
	}
}

// spend takes n from the values that may still be read.
func (d *decoder) spend(n int) bool {
	if d.left < 0 {
		return false
	}
	if d.left -= n; d.left < 0 {
		d.complainFirst("write the values out", "aliases make this file stand for more than %d further values", maxAliased)
		return false
	}
	return true
}

// value reads n into v, which holds the default. path names the value in complaints.
func (d *decoder) value(n ast.Node, v reflect.Value, path string, rule field.Rule) {
	if n = d.resolve(n); n == nil {
		return
	}
	d.places[path] = nodePlace(n)
	if _, ok := n.(*ast.NullNode); ok {
		d.complain(nodePlace(n), "give it a value, or remove the line", "%s has no value", path)
		return
	}
	switch to := v.Addr().Interface().(type) {
	case *netip.Prefix:
		d.prefix(n, to, path)
		return
	case encoding.TextUnmarshaler:
		d.text(n, v, to, path, rule)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Slice:
		d.list(n, v, path, rule)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.wrongType(n, path, "true or false")
			return
		}
		v.SetBool(b.Value)
	case reflect.Int:
		d.number(n, v, path, rule)
	case reflect.String:
		d.str(n, v, path, rule)
	default:
		panic("BUG: no reader for " + v.Type().String())
	}
}

// wrongType says what a value should have been. The hint is how that is written.
func (d *decoder) wrongType(n ast.Node, path, want string) {
	hint := "write " + want
	switch got := kindOf(n); {
	case want == "text" && (got == "a number" || got == "true or false"):
		hint = "put it in quotes: " + strconv.Quote(clip(scalarText(n)))
	case want == "a list":
		hint = "write [a, b], or each element on a line of its own behind a dash"
	case want == "a map":
		hint = "write {name: value}, or each name on a line of its own"
	case want == "a whole number":
		hint = "write the digits only, as 1000, without quotes"
	case want == "a size":
		hint = "write it as 64KiB or 1GiB"
	case want == "a duration":
		hint = "write it as 300ms, 10s or 1h30m"
	}
	d.complain(nodePlace(n), hint, "%s wants %s, this is %s", path, want, kindOf(n))
}

// structure reads a map into a struct, whose fields hold what is to stay where the map is silent.
func (d *decoder) structure(n ast.Node, v reflect.Value, path string) {
	known, ok := d.fields[v.Type()]
	if !ok {
		known = field.Of(v.Type())
		d.fields[v.Type()] = known
	}
	if _, ok := n.(*ast.MappingNode); !ok {
		d.complain(nodePlace(n), "fields here: "+fieldNames(known), "%s wants a map, this is %s", here(path), kindOf(n))
		return
	}
	named := map[string]bool{}
	for _, e := range d.entries(n, path) {
		i := slices.IndexFunc(known, func(f field.Field) bool { return f.Name == e.key })
		if i < 0 {
			d.unknown(e, v.Type(), known, path)
			continue
		}
		f := known[i]
		named[f.Name] = true
		if f.Rule.Later {
			d.places[join(path, f.Name)] = nodePlace(e.value)
			d.later[join(path, f.Name)] = e.value
			continue
		}
		d.value(e.value, v.FieldByIndex(f.Index), join(path, f.Name), f.Rule)
	}
	for _, f := range known {
		if f.Rule.Required && !named[f.Name] {
			d.complain(nodePlace(n), "add "+quote(f.Name+": …"), "%s lacks the field %s", here(path), quote(f.Name))
		}
	}
}

func (d *decoder) unknown(e entry, in reflect.Type, known []field.Field, path string) {
	hint := "fields here: " + fieldNames(known)
	if near := nearest(e.key, names(known)); near != "" {
		hint = "did you mean " + quote(near) + "?"
	}
	// Somebody may have written the secret itself, as a value or even as a key.
	switch in {
	case reflect.TypeFor[Secret]():
		d.hide(nodePlace(e.at))
		d.complain(nodePlace(e.at), hint, "unknown field in %s", here(path))
		return
	case reflect.TypeFor[Admin](), reflect.TypeFor[Token]():
		d.hide(nodePlace(e.at))
	default:
		if soundsSecret(e.key) {
			d.hide(nodePlace(e.at))
		}
	}
	d.complain(nodePlace(e.at), hint, "unknown field %s in %s", quote(e.key), here(path))
}

// list reads a list. An element begins with its defaults.
func (d *decoder) list(n ast.Node, v reflect.Value, path string, rule field.Rule) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.wrongType(n, path, "a list")
		return
	}
	if len(seq.Values) == 0 && rule.Required {
		d.complain(nodePlace(n), "name at least one", "%s is empty", path)
		return
	}
	// An empty list is nil, so that equal configurations have equal values; for stores alone the two differ.
	if _, stores := v.Interface().([]Name); len(seq.Values) == 0 && !stores {
		v.SetZero()
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, len(seq.Values))
	first := map[any]int{}
	for i, item := range seq.Values {
		at := path + "[" + strconv.Itoa(i) + "]"
		if d.left < 0 {
			return
		}
		element := d.element(v.Type().Elem())
		before := len(d.problems)
		d.value(item, element, at, field.Rule{Path: rule.Path})
		list = reflect.Append(list, element)
		if element.Kind() == reflect.Struct && element.Type() != reflect.TypeFor[netip.Prefix]() || len(d.problems) > before {
			continue
		}
		if j, twice := first[element.Interface()]; twice {
			d.complain(d.places[at], "remove one of the two", "%s stands twice in %s, at [%d] and here", quote(textOf(element)), path, j)
			continue
		}
		first[element.Interface()] = i
	}
	v.Set(list)
}

// element makes an element of a list with its defaults.
func (d *decoder) element(t reflect.Type) reflect.Value {
	fresh, ok := d.fresh[t]
	if !ok {
		fresh = reflect.New(t).Elem()
		setDefaults(fresh)
		d.fresh[t] = fresh
	}
	e := reflect.New(t).Elem()
	e.Set(fresh)
	return e
}

// maxEntries and maxKey bound the maps that a function is given: each binding that overrides one has its own copy.
const (
	maxEntries = 128
	maxKey     = 1280 // of a store of other hosts, whose name has 255 bytes, and a key of 255 characters
)

// mapping reads config, env or secrets. Keys that v already has stay where the map does not name them.
func (d *decoder) mapping(n ast.Node, v reflect.Value, path string) {
	if _, ok := n.(*ast.MappingNode); !ok {
		if v.Type().Elem() == reflect.TypeFor[Secret]() {
			d.hide(nodePlace(n))
		}
		d.wrongType(n, path, "a map")
		return
	}
	entries := d.entries(n, path)
	if len(entries) == 0 {
		return
	}
	m := reflect.MakeMap(v.Type())
	for key, value := range v.Seq2() {
		m.SetMapIndex(key, value)
	}
	for _, e := range entries {
		if e.key == "" || len(e.key) > maxKey || strings.ContainsRune(e.key, 0) {
			d.complain(nodePlace(e.at), "choose another key", "a key in %s is empty, longer than %d bytes, or holds a NUL", path, maxKey)
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if s, ok := element.Addr().Interface().(*Secret); ok {
			d.secret(e.value, s, join(path, e.key))
		} else if text, ok := d.anyScalar(e.value, join(path, e.key)); ok {
			element.SetString(text)
		}
		m.SetMapIndex(reflect.ValueOf(e.key), element)
	}
	if m.Len() > maxEntries {
		d.complain(nodePlace(n), "larger tables belong into a key-value store", "%s has more than %d keys", path, maxEntries)
	}
	v.Set(m)
}

func (d *decoder) secret(n ast.Node, s *Secret, path string) {
	to := d.resolve(n)
	if to == nil {
		return
	}
	d.places[path] = nodePlace(to)
	const hint = "name its source: {file: PATH} or {env: NAME}"
	switch to.(type) {
	case *ast.MappingNode:
	case *ast.NullNode:
		d.complain(nodePlace(to), hint, "%s has no value", path)
		return
	default:
		d.hide(nodePlace(to))
		d.complain(nodePlace(to), hint, "%s holds a value; a secret never stands in the file", path)
		return
	}
	before := len(d.problems)
	d.structure(to, reflect.ValueOf(s).Elem(), path)
	switch {
	case len(d.problems) > before:
	case (s.File == "") == (s.Env == ""):
		d.complain(nodePlace(to), hint, "%s wants exactly one source", path)
	case strings.ContainsAny(s.Env, "=\x00"):
		d.complain(nodePlace(to), "a variable's name has no = in it", "%s.env is not the name of a variable", path)
	}
}

// anyScalar reads a value of config or env. Numbers and booleans are taken as they are written.
func (d *decoder) anyScalar(n ast.Node, path string) (string, bool) {
	if n = d.resolve(n); n == nil {
		return "", false
	}
	d.places[path] = nodePlace(n)
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return scalarText(n), true
	case *ast.NullNode:
		d.complain(nodePlace(n), `write "" for an empty text, or remove the line`, "%s has no value", path)
	default:
		d.complain(nodePlace(n), "encode it as text, in JSON for example", "%s wants text, this is %s", path, kindOf(n))
	}
	return "", false
}

func (d *decoder) text(n ast.Node, v reflect.Value, to encoding.TextUnmarshaler, path string, rule field.Rule) {
	numeric, want := v.Kind() == reflect.Int64, "text"
	switch to.(type) {
	case *Size:
		want = "a size"
	case *Duration:
		want = "a duration"
	case *Count:
		want = "a whole number"
	}
	_, isNumber := n.(*ast.IntegerNode)
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
	case *ast.IntegerNode, *ast.FloatNode:
		if numeric {
			break
		}
		// In quotes it may still not be what is wanted: a port alone is no address.
		if c, ok := to.UnmarshalText([]byte(scalarText(n))).(*complaint); ok {
			d.complain(nodePlace(n), c.hint, "%s wants text, this is %s", path, kindOf(n))
		} else {
			d.wrongType(n, path, want)
		}
		return
	default:
		d.wrongType(n, path, want)
		return
	}
	old := reflect.ValueOf(v.Interface())
	if err := to.UnmarshalText([]byte(scalarText(n))); err != nil {
		c, ok := err.(*complaint)
		if !ok {
			panic("BUG: " + v.Type().String() + " complains without a hint")
		}
		if c.private {
			d.hide(nodePlace(n))
		}
		d.complain(nodePlace(n), c.hint, "%s: %s", path, c.message)
		return
	}
	if !numeric {
		return
	}
	if v.Int() == Unlimited && isNumber || v.Int() == Unlimited && !rule.None {
		d.complain(nodePlace(n), "give it a value, or remove the line", "%s cannot be none", path)
		v.Set(old)
		return
	}
	if v.Int() == Auto && !rule.Auto {
		d.complain(nodePlace(n), "give it a value, or remove the line", "%s cannot be auto", path)
		v.Set(old)
		return
	}
	if !d.inBounds(n, v, path, rule) {
		v.Set(old)
	}
}

// inBounds checks a number, a size or a duration against its rule.
func (d *decoder) inBounds(n ast.Node, v reflect.Value, path string, rule field.Rule) bool {
	if v.Int() == 0 && !rule.Zero {
		hint := "give a greater value, or remove the line"
		if rule.None {
			hint = "`none` lifts the limit"
		}
		d.complain(nodePlace(n), hint, "%s must be above 0", path)
		return false
	}
	if rule.Max != "" {
		limit := reflect.New(v.Type()).Elem()
		setText(limit, rule.Max)
		if v.Int() > limit.Int() {
			d.complain(nodePlace(n), "write "+rule.Max+" or less", "%s is above the maximum of %s", path, rule.Max)
			return false
		}
	}
	return true
}

func (d *decoder) number(n ast.Node, v reflect.Value, path string, rule field.Rule) {
	if _, ok := n.(*ast.IntegerNode); !ok {
		d.wrongType(n, path, "a whole number")
		return
	}
	i, ok := wholeNumber(scalarText(n))
	if !ok || i > 1<<31 {
		d.complain(nodePlace(n), "write the digits only, as 1000", "%s: %s is not a whole number from 0 to %d", path, quote(scalarText(n)), 1<<31)
		return
	}
	old := v.Int()
	v.SetInt(i)
	if !d.inBounds(n, v, path, rule) {
		v.SetInt(old)
	}
}

func (d *decoder) str(n ast.Node, v reflect.Value, path string, rule field.Rule) {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
	default:
		d.wrongType(n, path, "text")
		return
	}
	text := scalarText(n)
	switch {
	case text == "":
		d.complain(nodePlace(n), "give it a value, or remove the line", "%s is empty", path)
	case strings.ContainsFunc(text, unicode.IsControl):
		d.complain(nodePlace(n), "remove it", "%s holds a control character", path)
	case rule.Path:
		v.SetString(d.path(text, rule))
	default:
		v.SetString(text)
	}
}

// path makes a path absolute, so that nobody else needs to know where the file stands.
func (d *decoder) path(text string, rule field.Rule) string {
	if slices.Contains(rule.Except, text) || filepath.IsAbs(text) {
		return filepath.Clean(text)
	}
	return filepath.Join(d.dir, text)
}

func (d *decoder) prefix(n ast.Node, to *netip.Prefix, path string) {
	if _, ok := n.(*ast.StringNode); !ok {
		d.wrongType(n, path, "text")
		return
	}
	text := scalarText(n)
	p, err := netip.ParsePrefix(text)
	if a, addrErr := netip.ParseAddr(text); err != nil && addrErr == nil && a.Zone() == "" {
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	switch {
	case err != nil:
		d.complain(nodePlace(n), "write it as 10.0.0.0/8, 2001:db8::/32 or one address", "%s: %s is not a network", path, quote(text))
	case p.Addr().Is4In6():
		d.complain(nodePlace(n), "write the IPv4 network itself", "%s: %s hides an IPv4 network in IPv6", path, quote(text))
	case p.Masked() != p:
		d.complain(nodePlace(n), "write "+p.Masked().String(), "%s: %s has bits behind the first %d", path, quote(text), p.Bits())
	default:
		*to = p
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// here names the map that a path stands for.
func here(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func names(fields []field.Field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}

func fieldNames(fields []field.Field) string { return strings.Join(names(fields), ", ") }
