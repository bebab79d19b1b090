//go:build !unix

package origin

import "net"

// A probe looks whether an idle connection is still one; here it cannot, and
// the retry of requests on connections that died has to do.
type probe struct{ quiet func() bool }

func newProbe(net.Conn) *probe { return nil }
