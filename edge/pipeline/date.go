package pipeline

import (
	"sync/atomic"
	"time"
)

// httpDate is the fixed-length format of RFC 9110 §5.6.7.
const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

// A dateCache keeps the text of the second that it is: every response of the
// node's own needs it, and formatting costs more than the rest of the field.
type dateCache struct{ last atomic.Pointer[dateText] }

type dateText struct {
	unix int64
	text string
}

func (d *dateCache) at(now time.Time) string {
	u := now.Unix()
	if t := d.last.Load(); t != nil && t.unix == u {
		return t.text
	}
	t := &dateText{u, now.UTC().Format(httpDate)}
	d.last.Store(t)
	return t.text
}
