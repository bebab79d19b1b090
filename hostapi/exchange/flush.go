package exchange

import "io"

// Flush sends on what w holds back. A front may keep the head of a response
// until the first bytes of its body are there, so that both leave together; a
// body that is about to wait for more calls Flush on the writer that its
// WriteTo was given. It does nothing to a writer that holds nothing back.
func Flush(w io.Writer) error {
	if f, ok := w.(interface{ Flush() error }); ok {
		return f.Flush()
	}
	return nil
}
