package engine

// Description is what a module says of itself. It has no code: nothing was compiled for it, and it need not be closed.
type Description struct{ m Module }

// Describe reads a module without compiling it, which takes a twentieth of the time, or, of one that was compiled before,
// much less: a node that starts learns so which
// hooks its functions have, and compiles them behind its open listeners. It refuses what Compile would refuse before it
// validates; a module that it describes may still turn out to be invalid or too complex.
func (e *Engine) Describe(module []byte) (*Description, error) {
	p, err := e.prepare(module)
	if err != nil {
		return nil, err
	}
	return &Description{Module{code: &code{engine: e, about: p.about}}}, nil
}

// Hash is the SHA-256 of the module.
func (d *Description) Hash() [32]byte { return d.m.Hash() }

// Size is its length in bytes.
func (d *Description) Size() int { return d.m.Size() }

// Imports lists the functions that the module needs, in its own order. The caller does not change it.
func (d *Description) Imports() []Import { return d.m.Imports() }

// Export returns the type of an exported function.
func (d *Description) Export(name string) (Signature, bool) { return d.m.Export(name) }

// Exports returns the names of the exported functions, sorted.
func (d *Description) Exports() []string { return d.m.Exports() }

// Memory returns the size of the linear memory that an instance begins with, in bytes, and whether there is one.
func (d *Description) Memory() (int64, bool) { return d.m.Memory() }
