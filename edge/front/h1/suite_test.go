package h1

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/wedgecdn/wedge/edge/front/fronttest"
)

// TestSuite is what every front must do.
func TestSuite(t *testing.T) {
	fronttest.Run(t, func(t *testing.T, s fronttest.Server) *fronttest.Front {
		front, wire := start(t, s, Options{HeaderSize: fronttest.HeaderSize, BodySize: fronttest.BodySize})
		client := &http.Transport{
			DialContext:           func(context.Context, string, string) (net.Conn, error) { return wire.Dial() },
			DisableCompression:    true,
			ExpectContinueTimeout: 1 << 40,
		}
		return &fronttest.Front{
			Client: client, Scheme: "http", Upgrades: true,
			Shutdown: front.Shutdown,
			Stop: func() {
				client.CloseIdleConnections()
				front.Shutdown(t.Context())
			},
		}
	})
}

// start serves a front on a listener in memory.
func start(t testing.TB, s Server, o Options) (*Front, *fronttest.Wire) {
	f, wire := New(s, o), fronttest.NewWire()
	go func() {
		if err := f.Serve(wire); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("serve: %v", err)
		}
	}()
	return f, wire
}
