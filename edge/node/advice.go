package node

// Advice is an error with what its reader can do about it.
type Advice struct {
	Err  error
	Hint string
}

// Error is what went wrong, without the hint.
func (a *Advice) Error() string { return a.Err.Error() }

// Unwrap is what went wrong.
func (a *Advice) Unwrap() error { return a.Err }

// advise adds what a module's author can do, where err is about a module.
func advise(err error) error {
	if e := moduleError(err); e != nil && e.Hint != "" {
		return &Advice{err, e.Hint}
	}
	return err
}
