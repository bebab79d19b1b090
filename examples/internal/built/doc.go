// Package built compiles the example whose test calls it, as make guests does, and looks at what the module exports and imports: a hook is there
// exactly if its export is. It needs Go and nothing else. The tests of the examples call it; no function imports it.
package built
