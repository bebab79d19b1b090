//go:build !linux

package listen

import "net"

// refuseHandshakes does nothing here.
func refuseHandshakes(*net.TCPListener) {}
