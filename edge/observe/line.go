package observe

import (
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Bounds of a line, in bytes of what a client or a guest chose.
const (
	maxPath  = 2048
	maxHost  = 255
	maxError = 1024
	maxCalls = 32
)

// appendLine appends the access log's line of an exchange that has ended. Its
// fields are documented in edge/docs/access-log.md; fields are only added.
func appendLine(b []byte, x *exchange.Exchange, took time.Duration, clock *clockText) []byte {
	q := &x.Request
	b = append(b, `{"time":`...)
	b = clock.append(b, x.Now)
	b = append(b, `,"id":"`...)
	b, _ = x.ID.AppendText(b)
	b = append(b, `","client":"`...)
	if x.Client.Addr.IsValid() {
		b = x.Client.Addr.AppendTo(b)
	} else if x.Client.PeerAddr.IsValid() {
		b = x.Client.PeerAddr.AppendTo(b)
	}
	b = append(b, `","method":`...)
	b = appendString(b, q.Method, 32)
	b = append(b, `,"scheme":`...)
	b = appendString(b, q.Scheme, 8)
	b = append(b, `,"host":`...)
	b = appendString(b, q.Host, maxHost)
	b = append(b, `,"path":`...)
	switch {
	case q.Path == "":
		b = appendString(b, q.Target, maxPath) // what could not be parsed
	case !q.HasQuery:
		b = appendString(b, q.Path, maxPath)
	default:
		b = appendString(b, q.Path, maxPath)
		b = append(b[:len(b)-1], '?')
		at := len(b)
		b = appendString(b, q.Query, maxPath)
		b = append(b[:at], b[at+1:]...) // the quote in front
	}
	b = append(b, `,"proto":"`...)
	b = append(b, q.Proto.String()...)
	b = append(b, `","status":`...)
	b = appendNumber(b, int64(x.Response.Status))
	b = append(b, `,"bytes":`...)
	b = appendNumber(b, x.Sent)
	b = append(b, `,"us":`...)
	b = appendMicros(b, took)
	if x.FirstByte != 0 {
		b = append(b, `,"first_byte_us":`...)
		b = appendMicros(b, x.FirstByte)
	}
	b = append(b, `,"outcome":"`...)
	b = append(b, x.Outcome.String()...)
	b = append(b, '"')
	if x.Reason != exchange.ReasonNone {
		b = append(b, `,"reason":"`...)
		b = append(b, x.Reason.String()...)
		b = append(b, '"')
	}
	if x.Site != "" {
		b = append(b, `,"owner":`...)
		b = appendString(b, x.Owner, 64)
		b = append(b, `,"site":`...)
		b = appendString(b, x.Site, maxHost)
	}
	if x.Route != "" {
		b = append(b, `,"route":`...)
		b = appendString(b, x.Route, maxHost)
	}
	f := &x.Cache
	if f.Forward != exchange.ForwardNone {
		b = append(b, `,"forward":"`...)
		b = append(b, f.Forward.String()...)
		b = append(b, '"')
	}
	if f.ForwardStatus != 0 {
		b = append(b, `,"origin_status":`...)
		b = appendNumber(b, int64(f.ForwardStatus))
	}
	if f.Stored {
		b = append(b, `,"stored":true`...)
	}
	if f.Collapsed {
		b = append(b, `,"collapsed":true`...)
	}
	b = appendCalls(b, x.Calls)
	if x.Err != nil {
		b = append(b, `,"error":`...)
		b = appendString(b, x.Err.Error(), maxError)
	}
	return append(b, '}', '\n')
}

// appendCalls appends the calls of functions, with what they spent.
func appendCalls(b []byte, calls []exchange.Call) []byte {
	if len(calls) == 0 {
		return b
	}
	b = append(b, `,"functions":[`...)
	for i := range calls[:min(len(calls), maxCalls)] {
		c := &calls[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"name":`...)
		b = appendString(b, c.Function, 64)
		b = append(b, `,"hook":"`...)
		b = append(b, c.Hook.String()...)
		b = append(b, `","fuel":`...)
		b = appendNumber(b, c.Fuel)
		b = append(b, `,"cpu_us":`...)
		b = appendMicros(b, c.CPU)
		b = append(b, `,"us":`...)
		b = appendMicros(b, c.Wall)
		if c.Answered {
			b = append(b, `,"answered":true`...)
		}
		if c.Failed != exchange.ReasonNone {
			b = append(b, `,"failed":"`...)
			b = append(b, c.Failed.String()...)
			b = append(b, '"')
		}
		b = append(b, '}')
	}
	return append(b, ']')
}
