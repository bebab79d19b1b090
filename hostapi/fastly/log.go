package fastly

import (
	"bytes"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// endpoint is a log endpoint: a name that stands in its lines.
type endpoint struct{ name string }

// maxLine is the longest message; what is longer is cut.
const maxLine = 16 << 10

func logEndpoint(c *call) status {
	name := c.text(0)
	if name == "" || len(name) > maxKey || fieldValue(name) != ok {
		c.put32(1, noHandle)
		return invalid
	}
	switch name {
	case "stdin", "stdout", "stderr": // they are WASI's
		c.put32(1, noHandle)
		return invalid
	}
	return c.open(1, &endpoint{strings.Clone(name)})
}

func logWrite(c *call) status {
	e, found := find[endpoint](c, c.u32(0))
	if !found {
		return badHandle
	}
	text := c.view(1)
	c.charge(len(text))
	c.put32(2, uint32(len(text)))
	c.log(services.Info, bytes.TrimRight(text[:min(len(text), maxLine)], "\n"), []exchange.Field{{Name: "endpoint", Value: e.name}}, 0)
	return ok
}

// abiInit says which version of the ABI the program speaks; there is one.
func abiInit(c *call) status {
	if c.u64(0) != 1 {
		return invalid
	}
	return ok
}

// vcpu is the processor time of the run so far: what the runtime books after
// each slice, so at least that.
func vcpu(c *call) status {
	c.host.Charge(0)
	c.put64(0, uint64(c.budget.Used().CPU.Milliseconds()))
	return ok
}

func heap(c *call) status {
	const mebibyte = 1 << 20
	n := int64(c.memory.Size()) + c.held.n.Load()
	c.put32(0, uint32((n+mebibyte-1)/mebibyte))
	return ok
}
