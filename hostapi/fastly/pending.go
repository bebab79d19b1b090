package fastly

import (
	"reflect"
	"strings"
	"time"
)

// poll answers for a request that may still be under way.
func (c *call) poll(detail, out int) status {
	p, found := find[pending](c, c.u32(0))
	if !found {
		return badHandle
	}
	select {
	case <-p.done:
	default:
		c.host.Charge(0)
		c.put32(out, 0)
		c.put32(out+1, noHandle)
		c.put32(out+2, noHandle)
		return ok
	}
	c.handles.remove(c.u32(0))
	if detail >= 0 {
		c.detail(detail, p.err)
	}
	c.put32(out, 1)
	return c.result(p, out+1)
}

func pendingPoll(c *call) status   { return c.poll(-1, 1) }
func pendingPollV2(c *call) status { return c.poll(1, 2) }

func (c *call) wait(detail, out int) status {
	p, found := find[pending](c, c.u32(0))
	if !found {
		return badHandle
	}
	if !c.await(p.done, false) {
		return failed
	}
	c.handles.remove(c.u32(0))
	if detail >= 0 {
		c.detail(detail, p.err)
	}
	return c.result(p, out)
}

func pendingWait(c *call) status   { return c.wait(-1, 1) }
func pendingWaitV2(c *call) status { return c.wait(1, 2) }

// pick waits for the first of several requests.
func (c *call) pick(detail, out int) status {
	list := c.numbers(0)
	if len(list) == 0 {
		return invalid
	}
	var done []<-chan struct{}
	for _, n := range list {
		p, found := find[pending](c, n)
		if !found {
			return badHandle
		}
		done = append(done, p.done)
	}
	i := c.first(done, 0, false)
	if i < 0 {
		return failed
	}
	p, _ := takeAway[pending](c, list[i])
	if detail >= 0 {
		c.detail(detail, p.err)
	}
	c.put32(out, uint32(i))
	st := c.result(p, out+1)
	if st == failed && detail < 0 {
		return ok // the handles say it
	}
	return st
}

func pendingSelect(c *call) status   { return c.pick(-1, 1) }
func pendingSelectV2(c *call) status { return c.pick(1, 2) }

// first waits for the first of several channels to be closed and returns its
// index; -1 if the timeout, if there is one, or the guest's time is over.
func (c *call) first(list []<-chan struct{}, timeout time.Duration, peer bool) int {
	for i, d := range list { // Fast path
		select {
		case <-d:
			return i
		default:
		}
	}
	if peer {
		c.host.Pause()
		defer c.host.Resume()
		timeout = c.b.patience
	}
	cases := make([]reflect.SelectCase, 0, len(list)+2)
	add := func(ch any) {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)})
	}
	for _, d := range list {
		add(d)
	}
	add(c.host.Context().Done())
	if timeout > 0 {
		t := time.NewTimer(timeout)
		defer t.Stop()
		add(t.C)
	}
	if i, _, _ := reflect.Select(cases); i < len(list) {
		return i
	}
	return -1
}

// ready is a channel that is closed when the thing of a handle is ready, and
// whether that takes the client.
func (c *call) ready(n uint32) (done <-chan struct{}, peer bool, st status) {
	switch v := c.handles.at(n).(type) {
	case *pending:
		return v.done, false, ok
	case *body:
		if v.out != nil {
			if room, changed := v.out.room(); !room {
				return changed, true, ok
			}
			return over(), false, ok
		}
		for len(v.chunks) > 0 && v.chunks[0].src == nil && len(v.chunks[0].b) == 0 {
			v.pop()
		}
		if len(v.chunks) > 0 && v.chunks[0].src != nil {
			return v.chunks[0].src.ahead(), v.chunks[0].src.peer, ok
		}
		return over(), false, ok
	case *promise:
		if !c.handles.busy() {
			c.want(v)
		}
		return v.done, true, ok
	case waitable:
		return v.ready(), false, ok
	}
	return nil, false, badHandle
}

// waitable is another thing that a guest can wait for.
type waitable interface{ ready() <-chan struct{} }

// asyncSelect waits for the first of several things; with none, for the time
// to pass.
func asyncSelect(c *call) status {
	const timedOut = ^uint32(0)
	list, timeout := c.numbers(0), time.Duration(c.u32(1))*time.Millisecond
	if len(list) == 0 && timeout == 0 {
		return invalid
	}
	deadline := time.Now().Add(timeout)
	for {
		var done []<-chan struct{}
		peer := false
		for _, n := range list {
			d, p, st := c.ready(n)
			if st != ok {
				return st
			}
			done, peer = append(done, d), peer || p
		}
		left := time.Duration(0)
		if timeout > 0 {
			left = max(time.Until(deadline), 1)
		}
		i := c.first(done, left, peer && timeout == 0)
		if i < 0 {
			c.put32(2, timedOut)
			return ok // who has no time left is ended when this returns
		}
		// A pipe that changed may still be full.
		if b, is := c.handles.at(list[i]).(*body); is && b.out != nil {
			if room, _ := b.out.room(); !room {
				continue
			}
		}
		c.put32(2, uint32(i))
		return ok
	}
}

func asyncReady(c *call) status {
	d, _, st := c.ready(c.u32(0))
	if st != ok {
		return st
	}
	c.host.Charge(0)
	select {
	case <-d:
		c.put32(1, 1)
	default:
		c.put32(1, 0)
	}
	return ok
}

// pendingField notes a change of a field for the response (1), for the one that
// is made for an error (2), or for both (0).
func (c *call) pendingField(kind byte, value string, target int) status {
	p, found := find[pending](c, c.u32(0))
	name := strings.Clone(c.text(1))
	if !found {
		return badHandle
	}
	if st := fieldName(name); st != ok {
		return st
	}
	if st := fieldValue(value); st != ok {
		return st
	}
	if c.u32(target) > 2 {
		return invalid
	}
	for i := range p.fields {
		if t := c.u32(target); t != 0 && t != uint32(i+1) {
			continue
		}
		if len(p.fields[i]) >= maxFields {
			return httpHeadTooLarge
		}
		if !p.booking.change(len(name) + len(value) + fieldCost) {
			return limitExceeded
		}
		p.fields[i] = append(p.fields[i], change{kind, name, strings.Clone(value)})
	}
	return ok
}

func pendingInsert(c *call) status { return c.pendingField('i', c.text(2), 3) }
func pendingAppend(c *call) status { return c.pendingField('a', c.text(2), 3) }
func pendingRemove(c *call) status { return c.pendingField('r', "", 2) }

// sendDownstreamPending sends the response of a request as the client's, or a
// 502 if there is none.
func sendDownstreamPending(c *call) status {
	p, found := find[pending](c, c.u32(0))
	if !found {
		return badHandle
	}
	if c.answer.sent {
		return failed
	}
	if !c.await(p.done, false) {
		return failed
	}
	c.handles.remove(c.u32(0))
	if p.err == nil {
		c.respond(c.received(p))
		return ok
	}
	r := &response{status: 502, version: 2}
	for _, ch := range p.fields[1] {
		ch.apply(&r.header)
	}
	c.respond(r, newBody(c.held))
	return ok
}
