package node

import (
	"errors"
	"net/netip"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/hostapi/fastly"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// Local is what a node does that stands in for another host while a program is being written: it knows of the world what
// the developer says, hands out each line, and tells how programs ended. Its functions are called by many goroutines at
// once. A nil *Local is a node like any other.
type Local struct {
	// Args are arguments for programs, behind their name.
	Args []string
	// Places has, by address, the JSON object that Fastly Compute's geolocation answers with.
	Places map[netip.Addr]string
	// Devices has, by User-Agent, the JSON object that its device detection answers with.
	Devices map[string]string
	// Log takes each line of a program. Stream is 1 or 2 for its standard output and error, 0 for its log. The message is
	// valid until it returns. Nil takes none.
	Log func(stream uint8, message []byte)
	// Ended tells that a program has ended: with its exit code, or with the error that ended it. Nil is not told.
	Ended func(code int, err error)
	// Seen is told of each exchange of a client, when its response has been sent. Nil is not told.
	Seen func(*Seen)
	// Line takes each line that a function logs. Nil takes none.
	Line func(admin.LogLine)
	// Failed is told of each failure of a function. Nil is not told.
	Failed func(*Failure)
}

func (l *Local) args() []string {
	if l == nil {
		return nil
	}
	return l.Args
}

func (l *Local) log(line *services.Line) {
	if l != nil && l.Log != nil {
		l.Log(line.Stream, line.Message)
	}
}

// called takes what ended a call: nil, an exit, or a failure. That a program sent no response is none of its own.
func (l *Local) called(err error) {
	if l == nil || l.Ended == nil {
		return
	}
	exit, exited := errors.AsType[*wasi.Exit](err)
	switch {
	case exited:
		l.Ended(int(exit.Code), nil)
	case errors.Is(err, fastly.ErrSilent):
		l.Ended(0, nil)
	default:
		l.Ended(0, err)
	}
}

func (l *Local) devices() services.Devices {
	if l == nil || len(l.Devices) == 0 {
		return guestDevices{}
	}
	return localDevices{known: l.Devices}
}

// places are those of the world that the node stands in for, or else the node's own.
func (l *Local) places(own services.Places) services.Places {
	if l == nil || len(l.Places) == 0 {
		return own
	}
	return localPlaces(l.Places)
}

// localDevices are devices of which more is known, and all others.
type localDevices struct {
	guestDevices
	known map[string]string
}

func (d localDevices) DeviceDetail(userAgent string) (text string, known bool) {
	text, known = d.known[userAgent]
	return text, known
}

type localPlaces map[netip.Addr]string

func (p localPlaces) Place(a netip.Addr) (services.Place, bool) {
	detail, known := p[a.Unmap()]
	return services.Place{Detail: detail}, known
}
