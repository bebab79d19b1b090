package demo

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/wedgecdn/wedge/edge/demo/internal/site"
)

// An originServer serves one variant of the site. It can be killed and started again at the same address; both belong to one goroutine.
type originServer struct {
	address string
	handler http.Handler
	server  *http.Server // nil while it is dead
}

func startOrigin(s *site.Site, variant string) (*originServer, error) {
	o := &originServer{address: "127.0.0.1:0", handler: s.Variant(variant)}
	return o, o.start()
}

// start listens and serves.
func (o *originServer) start() error {
	l, err := net.Listen("tcp", o.address)
	if err != nil {
		return err
	}
	o.address = l.Addr().String()
	o.server = &http.Server{Handler: o.handler, ReadHeaderTimeout: 10 * time.Second}
	server := o.server
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			l.Close() // the listener failed: the node will say that nobody answers
		}
	}()
	return nil
}

// kill ends the server at once, connections and all.
func (o *originServer) kill() {
	if o != nil && o.server != nil {
		o.server.Close()
		o.server = nil
	}
}
