package config

import "net/netip"

// Config is one wedge.yaml, checked and complete: a field that the file leaves out holds its default. It is plain data; whoever holds
// one may read it from many goroutines and must not change it, except through LoadSecrets before it is shared.
type Config struct {
	// Addresses on which the node serves its sites.
	Listen Listen `yaml:"listen"`
	// What the node accepts from clients.
	HTTP HTTP `yaml:"http"`
	// Networks of peers whose X-Forwarded-For, X-Forwarded-Proto and fields such as X-Real-IP are believed. From everybody else they are dropped, and from everybody the fields that rename the host or the path, as X-Forwarded-Host and Forwarded do. An address alone means this one host.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	// The operators' API.
	Admin Admin `yaml:"admin"`
	// Memory that the node may use in all: cache, function instances and connections. Changing it needs a restart.
	Memory Size `yaml:"memory" default:"1GiB"`
	// Folder for deployed functions, key-value stores and compiled modules. Changing it needs a restart.
	Data string `yaml:"data" default:"./wedge-data" rule:"path"`
	// How long requests may still run after the node was told to stop. With `0s` they are cut at once.
	Drain Duration `yaml:"drain" default:"30s" rule:"zero"`
	// The store of responses.
	Cache Cache `yaml:"cache"`
	// One line of JSON for each request.
	AccessLog AccessLog `yaml:"access_log"`
	// What the limits of no function may exceed, and what `none` stands for there.
	Limits NodeLimits `yaml:"limits"`
	// Databases of places in MaxMind's format (`.mmdb`), by which functions know the country, region, city and autonomous system of a client: what one file does not tell of an address, the next may. They are held in memory beside `memory`, and read again by a reload.
	Places []string `yaml:"places" rule:"path"`
	// WebAssembly functions that sites and routes can use.
	Functions []Function `yaml:"functions"`
	// Servers behind this node.
	Origins []Origin `yaml:"origins"`
	// What is served, by host name.
	Sites []Site `yaml:"sites"`
}

// Listen holds the addresses on which the node serves its sites.
type Listen struct {
	// Address for plain HTTP, as `host:port` or `:port`. Changing it needs a restart.
	HTTP Address `yaml:"http" default:":8080"`
}

// HTTP bounds what the node accepts from clients.
type HTTP struct {
	// Largest request line and fields together.
	HeaderSize Size `yaml:"header_size" default:"32KiB" rule:"max=1MiB"`
	// Largest number of fields in a request.
	HeaderCount int `yaml:"header_count" default:"100" rule:"max=10000"`
	// Largest request body. `none` lifts the limit.
	BodySize Size `yaml:"body_size" default:"100MiB" rule:"none"`
	// Time in which the header of a request must have arrived.
	HeaderTimeout Duration `yaml:"header_timeout" default:"10s"`
	// Longest silence while a request body is read.
	BodyTimeout Duration `yaml:"body_timeout" default:"30s"`
	// Longest time in which a client may take nothing of its response.
	WriteTimeout Duration `yaml:"write_timeout" default:"30s"`
	// How long a connection without a request is kept open.
	IdleTimeout Duration `yaml:"idle_timeout" default:"60s"`
	// Largest number of client connections at one time.
	Connections int `yaml:"connections" default:"20000" rule:"max=10000000"`
}

// Admin is the operators' API: deploying, purging, reading, metrics.
type Admin struct {
	// Address of the API. Beyond the loopback interface it needs `token_file` or `tokens`. Changing it needs a restart.
	Listen Address `yaml:"listen" default:"127.0.0.1:9070"`
	// File that holds the operator's token, which may do everything for every owner.
	TokenFile string `yaml:"token_file" rule:"path"`
	// Further tokens, each for one owner and some scopes.
	Tokens []Token `yaml:"tokens"`

	// Operator is what token_file holds, once LoadSecrets has read it.
	Operator SecretValue `yaml:"-"`
}

// Token lets its bearer use a part of the operators' API.
type Token struct {
	// Name of the token, as the audit log shows it.
	Name Name `yaml:"name" rule:"required"`
	// File that holds the token.
	File string `yaml:"file" rule:"required path"`
	// What its bearer may do.
	Scopes []Scope `yaml:"scopes" rule:"required"`
	// Tenant on whose functions, sites and stores it may be used.
	Owner Name `yaml:"owner" default:"default"`

	// Value is what the file holds, once LoadSecrets has read it.
	Value SecretValue `yaml:"-"`
}

// MinDisk is the least disk space of a cache that has any.
const MinDisk = Size(16 << 20)

// Cache sizes the store of responses.
type Cache struct {
	// Memory for stored responses, a part of the node's memory. Changing it needs a restart.
	Memory Size `yaml:"memory" default:"256MiB"`
	// Disk space for stored responses, in the data folder; they outlive a restart. Their index takes 96 bytes of `memory` a response, at most an eighth of it: 350 000 responses with 256MiB; the log says when that is what limits. 0 keeps them in memory only. Changing it needs a restart.
	Disk Size `yaml:"disk" default:"0" rule:"zero"`
	// Largest response that is stored; a larger one is passed through. At most a quarter of `memory`, or half of `disk` if that is more; with a disk that is what holds if this is not set, without one a quarter of a small `memory`.
	ObjectSize Size `yaml:"object_size" default:"64MiB"`
}

// AccessLog says where the lines about requests go.
type AccessLog struct {
	// A file to append to, `-` for the standard output, or `off`.
	File string `yaml:"file" default:"-" rule:"path except=-|off"`
}

// Values of AccessLog.File that are not the path of a file.
const (
	LogStdout = "-"
	LogOff    = "off"
)

// DefaultOwner is the tenant of everything that names none.
const DefaultOwner Name = "default"

// Function returns the function of this name under this owner, or nil.
func (c *Config) Function(owner, name Name) *Function {
	for i := range c.Functions {
		if f := &c.Functions[i]; f.Name == name && f.Owner == owner {
			return f
		}
	}
	return nil
}

// Origin returns the origin of this name under this owner, or nil.
func (c *Config) Origin(owner, name Name) *Origin {
	for i := range c.Origins {
		if o := &c.Origins[i]; o.Name == name && o.Owner == owner {
			return o
		}
	}
	return nil
}
