package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// directory holds the names of one kind of thing, by owner.
type directory struct {
	kind   string // "function", "origin"
	index  map[Name]map[Name]int
	sorted map[Name][]string // the names under an owner, once somebody asked
	// broken is set when one of them has a name that could not be read; references that lead nowhere may mean that one.
	broken bool
}

// add notes the name and reports where another of this owner has it already.
func (r *directory) add(owner, name Name, i int) (other int, twice bool) {
	if name == "" || owner == "" {
		r.broken = true
		return 0, false
	}
	if r.index[owner] == nil {
		r.index[owner] = map[Name]int{}
	}
	if other, twice = r.index[owner][name]; !twice {
		r.index[owner][name] = i
	}
	return other, twice
}

func newDirectory(kind string) *directory {
	return &directory{kind: kind, index: map[Name]map[Name]int{}, sorted: map[Name][]string{}}
}

// under lists the names of an owner. All have been added when the first reference is looked up.
func (r *directory) under(owner Name) []string {
	if r.sorted[owner] == nil {
		for n := range r.index[owner] {
			r.sorted[owner] = append(r.sorted[owner], string(n))
		}
		slices.Sort(r.sorted[owner])
	}
	return r.sorted[owner]
}

// complete resolves what stands between the parts of the file, and checks what no field can say of itself.
func (d *decoder) complete(c *Config) {
	d.node(c)
	functions, origins := newDirectory("function"), newDirectory("origin")
	for i, o := range c.Origins {
		d.unique(origins, o.Owner, o.Name, "origins", i)
	}
	for i := range c.Functions {
		f, path := &c.Functions[i], index("functions", i)
		d.unique(functions, f.Owner, f.Name, "functions", i)
		d.settings(c, origins, f.Owner, &f.Settings, path)
	}
	d.sites(c, functions, origins)
}

func (d *decoder) unique(names *directory, owner, name Name, list string, i int) {
	if other, twice := names.add(owner, name, i); twice {
		d.complain(d.at(index(list, i)+".name"), fmt.Sprintf("choose another name; the first stands in line %d", d.at(index(list, other)+".name", index(list, other)).line),
			"the owner %s has two %ss of the name %s", quote(string(owner)), names.kind, quote(string(name)))
	}
}

// node checks what is about the node as a whole.
func (d *decoder) node(c *Config) {
	if c.Cache.Memory >= c.Memory {
		d.complain(d.at("cache.memory", "memory"), "leave some of it to functions and connections", "cache.memory of %s does not fit into memory of %s", c.Cache.Memory, c.Memory)
	}
	if c.Cache.Disk != 0 && c.Cache.Disk < MinDisk {
		d.complain(d.at("cache.disk"), "raise it, or write 0 for none", "cache.disk of %s is below the least, %s", c.Cache.Disk, MinDisk)
	}
	if left := memoryLeft(c); left > 0 && c.Limits.Memory > left && c.Limits.Memory <= MaxMemory {
		d.complain(d.at("limits.memory"), "raise memory, lower cache.memory or this limit", "limits.memory of %s is above the %s that cache.memory leaves of memory", c.Limits.Memory, left)
	}
	// A larger body would push out more than it is worth; the cache refuses it.
	most, of, all := c.Cache.Memory/4, "a quarter of cache.memory", c.Cache.Memory
	hint := fmt.Sprintf("lower it, or raise cache.memory to %s", 4*c.Cache.ObjectSize)
	if half := c.Cache.Disk / 2; half > most {
		most, of, all = half, "half of cache.disk", c.Cache.Disk
		hint = fmt.Sprintf("lower it, or raise cache.disk to %s", 2*c.Cache.ObjectSize)
	}
	switch written := d.written("cache.object_size"); {
	case c.Cache.ObjectSize > most && written:
		d.complain(d.at("cache.object_size"), hint, "cache.object_size of %s is more than %s of %s", c.Cache.ObjectSize, of, all)
		c.Cache.ObjectSize = most
	case !written && (c.Cache.Disk > 0 || c.Cache.ObjectSize > most):
		c.Cache.ObjectSize = most
	}
	if !c.Admin.Listen.Loopback() && !d.written("admin.token_file") && !d.written("admin.tokens") {
		d.complain(d.at("admin.listen"), "add token_file, or listen on 127.0.0.1", "admin.listen is open to other machines and there is no token")
	}
	if overlap(c.Listen.HTTP, c.Admin.Listen) {
		d.complain(d.at("admin.listen", "listen.http"), "give them different ports", "listen.http and admin.listen are the same address")
	}
	tokens := map[Name]int{}
	for i, t := range c.Admin.Tokens {
		path := index("admin.tokens", i)
		if other, twice := tokens[t.Name]; twice && t.Name != "" {
			d.complain(d.at(path+".name"), fmt.Sprintf("choose another name; the first stands in line %d", d.at(index("admin.tokens", other)+".name").line), "there are two tokens of the name %s", quote(string(t.Name)))
			continue
		}
		tokens[t.Name] = i
	}
}

// overlap reports whether two listeners would fight for one port.
func overlap(a, b Address) bool {
	if a.Port() != b.Port() || a.Port() == 0 {
		return false
	}
	hostA, _, _ := net.SplitHostPort(string(a))
	hostB, _, _ := net.SplitHostPort(string(b))
	return hostA == hostB || anyInterface(hostA) || anyInterface(hostB)
}

func anyInterface(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// settings completes the settings of a function or of a binding.
func (d *decoder) settings(c *Config, origins *directory, owner Name, s *Settings, path string) {
	memory, wants := c.MostMemory(), s.Limits.Memory
	if wants == Auto {
		wants = leastMemory
	}
	if left := memoryLeft(c); left > 0 {
		if wants > left && wants <= MaxMemory {
			d.complain(d.at(path+".limits.memory", path+".limits", path), "raise memory, lower cache.memory or this limit",
				"%s.limits.memory of %s is above the node's maximum of %s, which is what cache.memory leaves of memory", path, wants, left)
			memory = Unlimited // one complaint is enough
		}
	}
	within(d, path, "cpu", &s.Limits.CPU, c.Limits.CPU)
	within(d, path, "wall", &s.Limits.Wall, c.Limits.Wall)
	if s.Limits.Memory == Auto && memory != Unlimited && memory <= leastMemory {
		s.Limits.Memory = memory // no kind of module has less
	}
	within(d, path, "memory", &s.Limits.Memory, memory)
	within(d, path, "fuel", &s.Limits.Fuel, c.Limits.Fuel)
	within(d, path, "host_calls", &s.Limits.HostCalls, c.Limits.HostCalls)
	if !d.written(path + ".fetch") {
		return
	}
	for i, t := range s.Fetch {
		if name, ok := t.Origin(); ok {
			d.refer(origins, owner, name, index(path+".fetch", i), "this function")
		}
	}
}

// MostMemory is the most that an instance may have: the node's limit, or else what the cache leaves of its memory. Unlimited
// if the cache leaves nothing, which no configuration without problems does.
func (c *Config) MostMemory() Size {
	if left := memoryLeft(c); c.Limits.Memory == Unlimited && left > 0 {
		return left
	}
	return c.Limits.Memory
}

// memoryLeft is what one instance could have if there were no other and no connection; nothing or less if the cache takes all.
func memoryLeft(c *Config) Size { return min(c.Memory-c.Cache.Memory, MaxMemory) }

// within holds a function's limit below the node's. A default is lowered without a word.
func within[T interface {
	~int64
	fmt.Stringer
}](d *decoder, path, name string, limit *T, most T) {
	switch at := path + ".limits." + name; {
	case most == Unlimited:
	case *limit > most && d.written(at):
		d.complain(d.at(at), "lower it, or raise limits."+name+" of the node", "%s of %s is above the node's maximum of %s", at, *limit, most)
	case *limit > most, *limit == Unlimited:
		*limit = most
	}
}

// refer finds what a name means under an owner. It returns -1 if there is nothing, which was complained about.
func (d *decoder) refer(names *directory, owner, name Name, path, who string) int {
	if i, ok := names.index[owner][name]; ok {
		return i
	}
	if name == "" || owner == "" || names.broken {
		return -1
	}
	if d.full() {
		d.dropped++
		return -1
	}
	var others []string
	for other, theirs := range names.index {
		if _, ok := theirs[name]; ok {
			others = append(others, string(other))
		}
	}
	if len(others) > 0 {
		slices.Sort(others)
		d.complain(d.at(path), "what belongs to one owner cannot be used by another", "the %s %s belongs to the owner %s, %s to %s", names.kind, quote(string(name)), quote(others[0]), who, quote(string(owner)))
		return -1
	}
	known := names.under(owner)
	var hint string
	switch near := nearest(string(name), known[:min(len(known), 1000)]); {
	case near != "":
		hint = "did you mean " + quote(near) + "?"
	case len(known) == 0:
		hint = "add it under " + names.kind + "s"
	case len(known) > 10:
		hint = fmt.Sprintf("there are %d, among them: %s", len(known), strings.Join(known[:10], ", "))
	default:
		hint = "there are: " + strings.Join(known, ", ")
	}
	d.complain(d.at(path), hint, "%s: there is no %s %s", path, names.kind, quote(string(name)))
	return -1
}
