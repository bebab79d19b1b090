package fastly

import (
	"net/netip"
	"strings"
)

// What is known of the client stands under two names each: without a
// parameter, and behind the request's handle. skip is how many parameters come
// before the results.

// ofRequest looks at the handle, where there is one.
func (c *call) ofRequest(skip int) status {
	if skip == 0 {
		return ok
	}
	if _, found := c.request(c.u32(0)); !found {
		return badHandle
	}
	return ok
}

func fact(skip int, f func(c *call) status) func(*call) status {
	return func(c *call) status {
		if st := c.ofRequest(skip); st != ok {
			return st
		}
		return f(c)
	}
}

func (c *call) address(i int, a netip.Addr) status {
	if !a.IsValid() {
		c.put32(i+1, 0)
		return none
	}
	b := a.Unmap().AsSlice()
	c.memory.Write(c.u32(i), b)
	c.put32(i+1, uint32(len(b)))
	return ok
}

func clientAddr(skip int) func(*call) status {
	return fact(skip, func(c *call) status {
		a := c.client.Addr
		if !a.IsValid() {
			a = c.client.PeerAddr
		}
		return c.address(skip, a)
	})
}

// serverAddr: the address that the client has connected to is not told.
func serverAddr(skip int) func(*call) status {
	return fact(skip, func(c *call) status { return c.address(skip, netip.AddrFrom4([4]byte{127, 0, 0, 1})) })
}

func requestID(skip int) func(*call) status {
	return fact(skip, func(c *call) status { return c.give(skip, skip+1, c.caller.Exchange.String()) })
}

func noDDoS(skip int) func(*call) status {
	return fact(skip, func(c *call) status {
		c.put32(skip, 0)
		return ok
	})
}

func keyIsValid(skip int) func(*call) status { return noDDoS(skip) }

func noText(skip int) func(*call) status {
	return fact(skip, func(c *call) status {
		c.put32(skip+1, 0)
		return none
	})
}

func noBytes(skip int) func(*call) status { return noText(skip) }

func noNumber(c *call) status { return noDDoS(1)(c) }

// unknown is what is said of a client whom nobody has looked at for it: neither yes nor no.
func unknown(c *call) status {
	return fact(1, func(c *call) status {
		c.put32(1, 0)
		return none
	})(c)
}

func tlsProtocol(skip int) func(*call) status {
	return fact(skip, func(c *call) status {
		if c.client.TLS == nil {
			c.put32(skip+1, 0)
			return none
		}
		version := map[uint16]string{0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}[c.client.TLS.Version]
		return c.give(skip, skip+1, version)
	})
}

func tlsServerName(skip int) func(*call) status {
	return fact(skip, func(c *call) status {
		if c.client.TLS == nil || c.client.TLS.ServerName == "" {
			c.put32(skip+1, 0)
			return none
		}
		return c.give(skip, skip+1, c.client.TLS.ServerName)
	})
}

func tlsCertificate(skip int) func(*call) status {
	return fact(skip, func(c *call) status {
		if c.client.TLS == nil || len(c.client.TLS.ClientCertificate) == 0 {
			c.put32(skip+1, 0)
			return none
		}
		return c.give(skip, skip+1, string(c.client.TLS.ClientCertificate))
	})
}

// tlsVerified: 0 is a certificate that was verified, 5 that there is none.
func tlsVerified(skip int) func(*call) status {
	return fact(skip, func(c *call) status {
		switch {
		case c.client.TLS == nil:
			return none
		case len(c.client.TLS.ClientCertificate) == 0:
			c.put32(skip, 5)
		default:
			c.put32(skip, 0)
		}
		return ok
	})
}

// visits counts how often the request has been at a node, by CDN-Loop.
func visits(c *call) status {
	n := uint32(0)
	for _, v := range c.loop {
		for member := range strings.SplitSeq(v, ",") {
			if strings.TrimSpace(member) != "" {
				n++
			}
		}
	}
	c.put32(0, n)
	return ok
}
