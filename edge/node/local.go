package node

import (
	"errors"
	"net/netip"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/counter"
	"github.com/wedgecdn/wedge/edge/front/h1"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/fastly"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// Local is what a node does on a developer's machine, while a function is being written or held against its cases: it knows
// of the world, and of the time, what the developer says, hands out each line, and tells what functions did. Its functions are called by many goroutines at
// once. A nil *Local is a node like any other.
type Local struct {
	// Args are arguments for programs, behind their name.
	Args []string
	// AnyHost lets programs send requests to hosts that no configuration lists, as their vendor's local server does. The
	// addresses of this machine and its networks stay closed.
	AnyHost bool
	// Places has, by address, the JSON object that Fastly Compute's geolocation answers with.
	Places map[netip.Addr]string
	// Health has, by the names of origins, whether they are told to be healthy. Nobody looks.
	Health map[string]bool
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
	// Now is the clock of requests, functions, cache, stores and counters. Deadlines, and what waits, go by the machine's.
	Now func() time.Time
	// Called tells of each call of a hook, when it is over, what it cost.
	Called func(function string, hook string, fuel int64)
	// Looked tells of each client's request that comes to the cache what its key is made of.
	Looked func(parts []KeyPart)
	// Counted tells what the window of a counter held when a function had asked for it.
	Counted func(key []byte, window time.Duration, sum int64)
	// Counters are what functions' counters hold at the beginning, of the default owner.
	Counters []Counter
}

// A KeyPart is a part of a cache key.
type KeyPart = cache.Part

// A Counter is a key that has been counted.
type Counter struct {
	Key    string
	Window time.Duration
	Sum    int64
}

func (l *Local) anyHost() bool { return l != nil && l.AnyHost }

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

// now is the clock of what the node keeps, nil for the machine's.
func (l *Local) now() func() time.Time {
	if l == nil {
		return nil
	}
	return l.Now
}

// looked satisfies pipeline.Options.Looked; nil if nobody wants to know.
func (l *Local) looked() func(*exchange.Exchange, func() []cache.Part) {
	if l == nil || l.Looked == nil {
		return nil
	}
	return func(_ *exchange.Exchange, parts func() []cache.Part) { l.Looked(parts()) }
}

// front is the server that has requests begin at the developer's time.
func (l *Local) front(s h1.Server) h1.Server {
	if l == nil || l.Now == nil {
		return s
	}
	return timed{s, l.Now}
}

type timed struct {
	h1.Server
	now func() time.Time
}

func (t timed) Serve(x *exchange.Exchange) {
	x.Now = t.now()
	t.Server.Serve(x)
}

func (t timed) Refuse(x *exchange.Exchange, status int, reason exchange.Reason) {
	x.Now = t.now()
	t.Server.Refuse(x, status, reason)
}

// counters are c, filled with what the developer says.
func (l *Local) counters(c *counter.Counters) services.Counters {
	if l == nil {
		return guestCounters{c}
	}
	for _, k := range l.Counters {
		c.Add(string(config.DefaultOwner), []byte(k.Key), k.Window, k.Sum) // what it refuses is not there
	}
	if l.Counted == nil {
		return guestCounters{c}
	}
	return localCounters{guestCounters{c}, l.Counted}
}

// localCounters tell what they hold.
type localCounters struct {
	guestCounters
	told func(key []byte, window time.Duration, sum int64)
}

func (c localCounters) Add(owner services.Owner, key []byte, window time.Duration, delta int64) (int64, error) {
	n, err := c.guestCounters.Add(owner, key, window, delta)
	if err == nil {
		c.told(key, window, n)
	}
	return n, err
}

func (c localCounters) Read(owner services.Owner, key []byte, window time.Duration) (int64, error) {
	n, err := c.guestCounters.Read(owner, key, window)
	if err == nil {
		c.told(key, window, n)
	}
	return n, err
}

// called takes what ended a call: nil, an exit, or a failure. That a program sent no response is none of its own.
func (l *Local) called(f *guest.Function, call *exchange.Call, err error) {
	if l != nil && l.Called != nil {
		l.Called(f.Name(), call.Hook.String(), call.Fuel)
	}
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

// origins are the node's own, with the health that the world says they have.
func (l *Local) origins(own services.Origins) services.Origins {
	if l == nil || len(l.Health) == 0 {
		return own
	}
	return localOrigins{own, l.Health}
}

type localOrigins struct {
	services.Origins
	health map[string]bool
}

func (l localOrigins) Origin(owner services.Owner, name string) (services.Origin, bool) {
	o, known := l.Origins.Origin(owner, name)
	if healthy, said := l.health[name]; said {
		o.Healthy, o.Unhealthy = healthy, !healthy
	}
	return o, known
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
