package exchange

// A Checkpoint is what an exchange was before a hook: a hook works on the
// exchange itself, and if it fails the exchange goes back. So the common way,
// a hook that returns, pays for one copy of slices and no merging.
//
// It holds the same strings as the exchange, not copies. Bodies are not part
// of it: whoever replaces a body keeps the old one open until its hook has
// returned.
type Checkpoint struct {
	saved
	// These keep their memory.
	requestHeader, responseHeader Header
	choices                       Choices
	vars                          Vars
}

// saved is what is overwritten as a whole.
type saved struct {
	method, scheme, host, path, query string
	hasQuery                          bool
	requestLength, responseLength     int64
	requestBody, responseBody         Body
	status                            int
}

func same(s string) string { return s }

// Save remembers what a hook may change of x. c may be used again.
func (x *Exchange) Save(c *Checkpoint) {
	r := &x.Request
	c.method, c.scheme, c.host, c.path, c.query, c.hasQuery = r.Method, r.Scheme, r.Host, r.Path, r.Query, r.HasQuery
	c.requestHeader.CopyFrom(&r.Header)
	c.requestBody, c.requestLength = r.Body, r.ContentLength
	c.responseHeader.CopyFrom(&x.Response.Header)
	c.status, c.responseBody, c.responseLength = x.Response.Status, x.Response.Body, x.Response.ContentLength
	x.Choices.copyInto(&c.choices, same)
	x.Vars.copyInto(&c.vars, same)
}

// Restore puts x back to what it was at Save.
func (x *Exchange) Restore(c *Checkpoint) {
	r := &x.Request
	r.Method, r.Scheme, r.Host, r.Path, r.Query, r.HasQuery = c.method, c.scheme, c.host, c.path, c.query, c.hasQuery
	r.Header.CopyFrom(&c.requestHeader)
	r.Body, r.ContentLength = c.requestBody, c.requestLength
	x.Response.Header.CopyFrom(&c.responseHeader)
	x.Response.Status, x.Response.Body, x.Response.ContentLength = c.status, c.responseBody, c.responseLength
	c.choices.copyInto(&x.Choices, same)
	c.vars.copyInto(&x.Vars, same)
}

// Reset forgets what c holds, so that it keeps nothing alive.
func (c *Checkpoint) Reset() {
	c.saved = saved{}
	c.requestHeader.Reset()
	c.responseHeader.Reset()
	c.choices.reset()
	c.vars.reset()
}
