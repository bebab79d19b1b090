package fastlytoml

import (
	"encoding/json"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// File is what local_server says. Maps are by the names that programs use.
type File struct {
	Backends map[string]Backend
	KV       map[string][]Item            // KV stores
	Config   map[string]map[string]string // config stores and dictionaries
	Secrets  map[string]map[string]string
	ACLs     map[string]string     // in JSON
	Places   map[netip.Addr]string // in JSON, of geolocation
	Devices  map[string]string     // by User-Agent, in JSON
	// Notes are what has no effect here, each in a line with its place.
	Notes []string
}

// Backend is where a program can send requests.
type Backend struct {
	URL  string // scheme and authority
	Path string // before the path of each request, without its slashes; "" for none
	Host string // in place of the request's own; "" for that
	// Health is what a program is told of it: "healthy", "unhealthy", or "" for not known.
	Health string
}

// Item is an entry of a KV store.
type Item struct {
	Key      string
	Value    []byte
	Metadata string
}

const form = "the vendor's reference of fastly.toml has the form"

// sections are the tables of local_server that are read. A store has older names, too.
func (r *reader) sections() map[string]func(at, map[string]any) error {
	f := r.file
	return map[string]func(at, map[string]any) error{
		"backends":      each(r, &f.Backends, r.backend),
		"kv_stores":     each(r, &f.KV, r.kvStore),
		"object_store":  each(r, &f.KV, r.kvStore),
		"object_stores": each(r, &f.KV, r.kvStore),
		"config_stores": each(r, &f.Config, r.configStore),
		"dictionaries":  each(r, &f.Config, r.configStore),
		"secret_stores": each(r, &f.Secrets, r.secretStore),
		"acls":          each(r, &f.ACLs, r.acl),

		"geolocation":      r.geolocation,
		"device_detection": func(p at, t map[string]any) (err error) { f.Devices, err = r.objects(p, t, "user_agents"); return err },
	}
}

func (r *reader) localServer(root map[string]any) error {
	p := at{"local_server"}
	v, has := root["local_server"]
	if !has {
		return nil
	}
	t, err := r.table(p, v)
	if err != nil {
		return err
	}
	known := r.sections()
	for _, name := range slices.Sorted(maps.Keys(t)) {
		read, is := known[name]
		if !is {
			r.note(p.of(name), "has no effect here")
			continue
		}
		section, err := r.table(p.of(name), t[name])
		if err != nil {
			return err
		}
		if err := read(p.of(name), section); err != nil {
			return err
		}
	}
	return nil
}

// each reads a table of named things into a map.
func each[V any](r *reader, into *map[string]V, one func(at, any) (V, error)) func(at, map[string]any) error {
	return func(p at, t map[string]any) error {
		for _, name := range slices.Sorted(maps.Keys(t)) {
			v, err := one(p.of(name), t[name])
			if err != nil {
				return err
			}
			if *into == nil {
				*into = map[string]V{}
			}
			if _, twice := (*into)[name]; twice {
				return r.bad(p.of(name), "give one of them another name", "is there under an older name of the table, too")
			}
			(*into)[name] = v
		}
		return nil
	}
}

func (r *reader) backend(p at, v any) (b Backend, err error) {
	t, err := r.table(p, v)
	if err != nil {
		return b, err
	}
	text, err := r.text(p, t, "url")
	if err != nil {
		return b, err
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return b, r.bad(p.of("url"), `write it as "https://host" or "http://host:port"`, "is no http or https URL: %q", text)
	}
	b.URL, b.Path = u.Scheme+"://"+u.Host, strings.Trim(u.EscapedPath(), "/")
	if b.Host, err = r.text(p, t, "override_host"); err != nil {
		return b, err
	}
	switch b.Health, err = r.text(p, t, "health"); {
	case err != nil:
		return b, err
	case b.Health == "unknown":
		b.Health = ""
	case b.Health != "" && b.Health != "healthy" && b.Health != "unhealthy":
		return b, r.bad(p.of("health"), "write one of healthy, unhealthy and unknown", "is %q", b.Health)
	}
	for _, key := range slices.Sorted(maps.Keys(t)) {
		if !slices.Contains([]string{"url", "override_host", "health"}, key) {
			r.note(p.of(key), "has no effect here")
		}
	}
	return b, nil
}

// kvStore is a list of items, or a table that names a file of JSON.
func (r *reader) kvStore(p at, v any) (items []Item, err error) {
	if t, is := v.(map[string]any); is {
		values, err := r.fromFile(p, t)
		for _, key := range slices.Sorted(maps.Keys(values)) {
			items = append(items, Item{Key: key, Value: []byte(values[key])})
		}
		return items, err
	}
	return r.items(p, v, false)
}

func (r *reader) items(p at, v any, env bool) (items []Item, err error) {
	list, is := v.([]any)
	if !is {
		return nil, r.bad(p, form, "is neither a list of items nor a table that names a file")
	}
	for i, v := range list {
		p := p.of(strconv.Itoa(i))
		t, err := r.table(p, v)
		if err != nil {
			return nil, err
		}
		var item Item
		if item.Key, err = r.text(p, t, "key"); err != nil {
			return nil, err
		}
		if item.Key == "" {
			return nil, r.bad(p, "give it a key", "has no key")
		}
		if item.Metadata, err = r.text(p, t, "metadata"); err != nil {
			return nil, err
		}
		if item.Value, err = r.value(p, t, env); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// value is what an item holds: its data, or the content of a file, or of a variable of the environment.
func (r *reader) value(p at, t map[string]any, env bool) ([]byte, error) {
	for _, key := range []string{"data", "file", "path", "env"} {
		if _, has := t[key]; !has || key == "env" && !env {
			continue
		}
		text, err := r.text(p, t, key)
		switch {
		case err != nil || key == "data":
			return []byte(text), err
		case key == "env":
			v, set := os.LookupEnv(text)
			if !set {
				return nil, r.bad(p.of(key), "set it", "names the variable %s, which is not set", text)
			}
			return []byte(v), nil
		}
		return r.content(p.of(key), text)
	}
	return nil, r.bad(p, "give it data or file", "has no value")
}

// fromFile reads the texts of a file in JSON that a table names.
func (r *reader) fromFile(p at, t map[string]any) (map[string]string, error) {
	name, err := r.text(p, t, "file")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, r.bad(p, form, "names no file")
	}
	b, err := r.content(p.of("file"), name)
	if err != nil {
		return nil, err
	}
	raw := map[string]any{}
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, r.bad(p.of("file"), "the file must be one JSON object", "names %s, which is no JSON object: %s", name, err)
	}
	return r.texts(p.of("file"), raw)
}

// texts are values of a table, which are texts; of the form that carries metadata, the text alone.
func (r *reader) texts(p at, t map[string]any) (map[string]string, error) {
	all := map[string]string{}
	for key, v := range t {
		if o, is := v.(map[string]any); is {
			v = o["data"]
		}
		s, is := v.(string)
		if !is {
			return nil, r.bad(p.of(key), "put it into quotes", "is no text")
		}
		all[key] = s
	}
	return all, nil
}

func (r *reader) configStore(p at, v any) (map[string]string, error) {
	t, err := r.table(p, v)
	if err != nil {
		return nil, err
	}
	if _, named := t["file"]; named {
		return r.fromFile(p, t)
	}
	contents, err := r.table(p.of("contents"), t["contents"])
	if err != nil {
		return nil, err
	}
	return r.texts(p.of("contents"), contents)
}

func (r *reader) secretStore(p at, v any) (map[string]string, error) {
	if t, is := v.(map[string]any); is {
		return r.fromFile(p, t)
	}
	items, err := r.items(p, v, true)
	all := map[string]string{}
	for _, i := range items {
		all[i.Key] = string(i.Value)
	}
	return all, err
}

// acl is the name of a file in JSON, or a table that has it.
func (r *reader) acl(p at, v any) (string, error) {
	name, is := v.(string)
	if t, table := v.(map[string]any); table {
		var err error
		if name, err = r.text(p, t, "file"); err != nil {
			return "", err
		}
		is = name != ""
	}
	if !is {
		return "", r.bad(p, form, "names no file")
	}
	b, err := r.content(p, name)
	if err != nil {
		return "", err
	}
	if !json.Valid(b) {
		return "", r.bad(p, "the file must be JSON", "names %s, which is no JSON", name)
	}
	return string(b), nil
}

func (r *reader) geolocation(p at, t map[string]any) error {
	list, err := r.objects(p, t, "addresses")
	if err != nil {
		return err
	}
	r.file.Places = map[netip.Addr]string{}
	for text, object := range list {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return r.bad(p.of("addresses").of(text), `write it as "192.0.2.1" or "2001:db8::1"`, "is no address")
		}
		r.file.Places[a.Unmap()] = object
	}
	return nil
}

// objects are named objects, in the table itself or in a file, each as JSON.
func (r *reader) objects(p at, t map[string]any, key string) (map[string]string, error) {
	where := p.of(key)
	raw, inline := t[key]
	if !inline {
		name, err := r.text(p, t, "file")
		if err != nil || name == "" {
			return nil, err
		}
		where = p.of("file")
		b, err := r.content(where, name)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &raw); err != nil {
			return nil, r.bad(where, "the file must be one JSON object", "names %s, which is no JSON: %s", name, err)
		}
	}
	list, err := r.table(where, raw)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(list)) {
		object, err := r.table(where.of(name), list[name])
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(object)
		if err != nil {
			return nil, r.bad(where.of(name), form, "cannot be JSON: %s", err)
		}
		all[name] = string(b)
	}
	return all, nil
}
