package fastly

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// maxBackends bounds the backends that a run makes.
const maxBackends = 64

// backend is where a request can be sent: an origin of the node's, or a host
// that the program has registered.
type backend struct {
	origin string // "" for a dynamic one
	prefix string // of the path, without its slash; "" for none
	// Of a dynamic one:
	scheme, authority string
	host              string // in place of the request's own; "" for that
	connect, first    uint32 // milliseconds, 0: not said
	between           uint32
}

// headTime is how long the head of a response may take: what the program says for a backend of its own, connecting and
// waiting together, since the node tells nothing of when it was connected.
func (b *backend) headTime() time.Duration {
	if b.first == 0 {
		return maxHeadTime
	}
	return min(maxHeadTime, (time.Duration(b.connect)+time.Duration(b.first))*time.Millisecond)
}

// backend finds a backend by name. Programs write theirs in capitals too, which the names of a node's origins have not:
// TheOrigin is the origin theorigin.
func (c *call) backend(name string) (*backend, bool) {
	if b, dynamic := c.backends[name]; dynamic {
		return b, true
	}
	prefix := ""
	if other, renamed := c.b.o.Config["backend."+name]; renamed {
		name, prefix, _ = strings.Cut(other, "/")
	}
	if c.b.origins[name] {
		return &backend{origin: strings.Clone(name), prefix: prefix}, true
	}
	if lower := strings.ToLower(name); c.b.origins[lower] {
		return &backend{origin: lower}, true
	}
	return nil, false
}

// described is what the node says of a backend's server.
func (c *call) described(b *backend) (o services.Origin, known bool) {
	if b.origin == "" {
		u := url.URL{Scheme: b.scheme, Host: b.authority}
		o = services.Origin{Scheme: b.scheme, Host: u.Hostname(), HostField: b.host}
		if p, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
			o.Port = uint16(p)
		} else if o.Port = 80; b.scheme == "https" {
			o.Port = 443
		}
		return o, true
	}
	if c.b.o.Services.Origins == nil {
		return o, false
	}
	return c.b.o.Services.Origins.Origin(c.b.o.Owner, b.origin)
}

// onBackend runs f on the backend whose name is the first parameter.
func onBackend(c *call, f func(b *backend) status) status {
	b, found := c.backend(c.text(0))
	if !found {
		return invalid
	}
	return f(b)
}

// onOrigin runs f on what is known of the backend's server.
func onOrigin(c *call, f func(o *services.Origin) status) status {
	return onBackend(c, func(b *backend) status {
		o, known := c.described(b)
		if !known {
			return unsupported
		}
		return f(&o)
	})
}

func backendExists(c *call) status {
	_, found := c.backend(c.text(0))
	c.put32(1, number(found))
	return ok
}

func number(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// backendHealthy: 0 is unknown, 1 healthy, 2 unhealthy.
func backendHealthy(c *call) status {
	return onBackend(c, func(b *backend) status {
		health := uint32(0)
		switch o, known := c.described(b); {
		case known && o.Unhealthy:
			health = 2
		case known && o.Healthy:
			health = 1
		}
		c.put32(1, health)
		return ok
	})
}

func backendDynamic(c *call) status {
	return onBackend(c, func(b *backend) status {
		c.put32(1, number(b.origin == ""))
		return ok
	})
}

func backendHost(c *call) status {
	return onOrigin(c, func(o *services.Origin) status { return c.give(1, 2, o.Host) })
}

func backendOverrideHost(c *call) status {
	return onOrigin(c, func(o *services.Origin) status {
		if o.HostField == "" {
			return none
		}
		return c.give(1, 2, o.HostField)
	})
}

func backendPort(c *call) status {
	return onOrigin(c, func(o *services.Origin) status {
		c.put16(1, o.Port)
		return ok
	})
}

func backendTLS(c *call) status {
	return onOrigin(c, func(o *services.Origin) status {
		c.put32(1, number(o.Scheme == "https"))
		return ok
	})
}

// timeout gives a time that a dynamic backend was made with, or the origin's.
func (c *call) timeout(own func(b *backend) uint32, of func(o *services.Origin) int64) status {
	return onBackend(c, func(b *backend) status {
		if b.origin == "" {
			if own(b) == 0 {
				return none
			}
			c.put32(1, own(b))
			return ok
		}
		o, known := c.described(b)
		if !known {
			return unsupported
		}
		c.put32(1, uint32(of(&o)))
		return ok
	})
}

func backendConnectTimeout(c *call) status {
	return c.timeout(func(b *backend) uint32 { return b.connect }, func(o *services.Origin) int64 { return o.ConnectTimeout.Milliseconds() })
}

func backendFirstByteTimeout(c *call) status {
	return c.timeout(func(b *backend) uint32 { return b.first }, func(o *services.Origin) int64 { return o.FirstByteTimeout.Milliseconds() })
}

func backendBetweenBytesTimeout(c *call) status {
	return c.timeout(func(b *backend) uint32 { return b.between }, func(o *services.Origin) int64 { return o.IdleTimeout.Milliseconds() })
}

// registerBackend makes a dynamic backend. It can be made for hosts that the
// binding may fetch from; the record's other wishes, such as versions of TLS,
// are the node's to decide.
//
//	$dynamic_backend_config: host_override 0 +4, connect 8, first byte 12, between bytes 16, …
func registerBackend(c *call) status {
	const (
		reserved = 1 << iota
		hostOverride
		connect
		firstByte
		betweenBytes
		useTLS
	)
	const known = 1<<19 - 1
	name, target, mask := c.text(0), c.text(1), c.u32(2)
	if mask&reserved != 0 || mask&^known != 0 || name == "" || len(name) > 255 || target == "" || len(target) > 1024 || strings.ContainsAny(target, "/?#@\\ ") {
		return invalid
	}
	record, inside := c.memory.View(c.u32(3), 20)
	if !inside {
		return invalid
	}
	r := hostcall.MemoryOf(record)
	at := func(off uint32) uint32 {
		v, _ := r.ReadUint32(off)
		return v
	}
	b := &backend{scheme: "http", authority: strings.Clone(target)}
	if mask&useTLS != 0 {
		b.scheme = "https"
	}
	if mask&hostOverride != 0 {
		h, inside := c.memory.View(at(0), at(4))
		if !inside || len(h) == 0 || len(h) > 1024 || fieldValue(string(h)) != ok {
			return invalid
		}
		b.host = string(h)
	}
	if mask&connect != 0 {
		b.connect = at(8)
	}
	if mask&firstByte != 0 {
		b.first = at(12)
	}
	if mask&betweenBytes != 0 {
		b.between = at(16)
	}
	if _, err := url.Parse(b.scheme + "://" + b.authority); err != nil {
		return invalid
	}
	if !c.b.o.AnyHost && !c.b.hosts[hostKey(b.scheme, b.authority)] {
		c.b.denied.Add(1)
		return unsupported
	}
	if _, twice := c.backend(name); twice {
		return failed
	}
	if len(c.backends) >= maxBackends {
		return limitExceeded
	}
	if c.backends == nil {
		c.backends = map[string]*backend{}
	}
	c.Session.backends[strings.Clone(name)] = b
	return ok
}
