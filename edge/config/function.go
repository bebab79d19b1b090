package config

// Function is a named WebAssembly module of one owner, with the settings that hold wherever it is used.
type Function struct {
	// Name of the function, unique under its owner.
	Name Name `yaml:"name" rule:"required"`
	// Tenant that the function belongs to. Only sites of the same owner can use it.
	Owner Name `yaml:"owner" default:"default"`
	// File of the module. Without it the module comes by `wedge function deploy`.
	Module string `yaml:"module" rule:"path"`
	Settings
}

// Settings say how a function runs. A function has them, and where a site or a route uses the function, a binding can override them:
// a field that the binding names replaces the function's; limits are replaced one by one; config, secrets and env key by key.
type Settings struct {
	// What one exchange may spend on the function.
	Limits Limits `yaml:"limits"`
	// `request` gives each exchange a pristine instance, `instance` keeps instances with their memory between exchanges. `auto` is `instance` for proxy-wasm filters, which expect it, and `request` for all others. For a handler, `instance` lets a program that asks for its next request get it, up to 1000 of them within 10 minutes.
	Isolation Isolation `yaml:"isolation" default:"auto"`
	// Largest number of live instances at one time. When all are in use, an exchange that has waited for a second between two hooks, for its origin or its client, loses its instance to a new one, and fails at its next hook.
	Instances int `yaml:"instances" default:"64" rule:"max=65536"`
	// What happens when the function fails: `closed` answers 5xx, `open` goes on as if the function were not there, `stale` serves a stored response if there is one and is `closed` otherwise.
	OnFailure OnFailure `yaml:"on_failure" default:"closed"`
	// Values that the function can read by name.
	Config map[string]string `yaml:"config"`
	// Values that the function can read by name and that are never printed.
	Secrets map[string]Secret `yaml:"secrets"`
	// Environment variables that the function sees.
	Env map[string]string `yaml:"env"`
	// What the function's own requests may reach: names of origins of the same owner, and hosts as `http://host` or `https://host`. Nothing by default.
	Fetch []FetchTarget `yaml:"fetch"`
	// Largest body that the function may read or replace as a whole.
	MaxBody Size `yaml:"max_body" default:"1MiB"`
	// Whether stored responses are shared between versions of the function. By default the version is a part of the cache key.
	ShareCache bool `yaml:"share_cache"`
	// Request fields that on_fetch may read although they name a person. Requests of such a binding are never stored.
	Reads []Reads `yaml:"reads"`
	// Key-value stores that the function may open. Without the field it may open all stores of its owner, with an empty list none.
	KV []Name `yaml:"kv"`
}

// Limits bound what one exchange may spend on a function. A limit that is left out is the default, or the node's maximum if that is less; 0 is an error.
type Limits struct {
	// Processor time. `none` means the node's maximum, `limits.cpu`.
	CPU Duration `yaml:"cpu" default:"50ms" rule:"none"`
	// Time by the clock, waiting included. `none` means the node's maximum, `limits.wall`.
	Wall Duration `yaml:"wall" default:"2s" rule:"none"`
	// Memory of one instance. `auto` is 32MiB, and 128MiB for a module that was built for another host (proxy-wasm, http-wasm, Fastly Compute). `none` means the node's maximum, `limits.memory`.
	Memory Size `yaml:"memory" default:"auto" rule:"none auto max=4GiB"`
	// Instructions, as the rewritten module counts them. `none` means the node's maximum, `limits.fuel`.
	Fuel Count `yaml:"fuel" default:"none" rule:"none"`
	// How often the function may call into the node. `none` means the node's maximum, `limits.host_calls`.
	HostCalls Count `yaml:"host_calls" default:"1000000" rule:"none"`
}

// NodeLimits are what the limits of no function may exceed, and what `none` stands for there.
type NodeLimits struct {
	// Processor time of a function in one exchange. While it runs, a long call keeps one processor busy at most.
	CPU Duration `yaml:"cpu" default:"10s" rule:"max=1h"`
	// Time by the clock.
	Wall Duration `yaml:"wall" default:"5m" rule:"max=24h"`
	// Memory of one instance. `none` means what the cache leaves of the node's memory, and 4GiB at most.
	Memory Size `yaml:"memory" default:"none" rule:"none max=4GiB"`
	// Instructions. `none` counts without a limit.
	Fuel Count `yaml:"fuel" default:"none" rule:"none"`
	// Calls into the node.
	HostCalls Count `yaml:"host_calls" default:"100000000" rule:"max=1000000000000"`
}

// MaxMemory is all that a 32-bit module can address.
const MaxMemory = Size(4 << 30)

// leastMemory is the memory limit that auto stands for at least; what it is depends on the module's kind.
const leastMemory = Size(32 << 20)

// Binding is a function where a site or a route uses it. In the file it is the function's name, or a map with the name and the
// settings that differ here; in memory its settings are complete.
type Binding struct {
	// Name of a function of the site's owner.
	Name Name `yaml:"name" rule:"required"`
	Settings
}

// FetchTarget is something that a function's own requests may reach: the name of an origin, or scheme and host.
type FetchTarget string

// Origin returns the name of the origin, if the target is one.
func (t FetchTarget) Origin() (Name, bool) {
	var n Name
	return Name(t), n.UnmarshalText([]byte(t)) == nil
}

// UnmarshalText accepts a name or an http or https URL without a path.
func (t *FetchTarget) UnmarshalText(text []byte) error {
	if err := new(Name).UnmarshalText(text); err == nil {
		*t = FetchTarget(text)
		return nil
	}
	var u BaseURL
	if err := u.UnmarshalText(text); err != nil {
		if c, ok := err.(*complaint); ok && !c.private {
			return complain("name an origin, or a host as https://id.example", "%q is neither the name of an origin nor an http or https URL without a path", clip(string(text)))
		}
		return err
	}
	*t = FetchTarget(u)
	return nil
}

// Pattern is what JSON Schema can say of the form.
func (FetchTarget) Pattern() string { return Name("").Pattern() + "|" + BaseURL("").Pattern() }
