package main

import "container/list"

// A policy is a cache that is asked for one object after another.
type policy interface {
	// ask tells whether the i-th request's object was there, and keeps it if the
	// policy wants to.
	ask(i int, r Request) bool
	// close gives the memory back.
	close()
}

// lru evicts what has not been asked for longest.
type lru struct {
	room    int64
	objects map[uint64]*list.Element
	order   list.List // the newest in front
}

func newLRU(room int64) policy { return &lru{room: room, objects: map[uint64]*list.Element{}} }

func (c *lru) close() {}

func (c *lru) ask(_ int, r Request) bool {
	if e := c.objects[r.Object]; e != nil {
		c.order.MoveToFront(e)
		return true
	}
	c.objects[r.Object] = c.order.PushFront(r)
	for c.room -= r.bytes(); c.room < 0; {
		old := c.order.Remove(c.order.Back()).(Request)
		delete(c.objects, old.Object)
		c.room += old.bytes()
	}
	return false
}

// s3fifo is S3-FIFO (Yang et al., SOSP 2023): a small queue of a tenth, which
// what is asked for again leaves for the main one, and a list of names of those
// that left it otherwise.
type s3fifo struct {
	small, main, ghost             list.List // the newest in front
	smallBytes, mainBytes          int64
	smallRoom, mainRoom, ghostRoom int64
	ghostBytes                     int64
	objects                        map[uint64]*s3entry
	ghosts                         map[uint64]*list.Element
}

type s3entry struct {
	Request
	used int
}

func newS3FIFO(room int64) policy {
	return &s3fifo{smallRoom: room / 10, mainRoom: room - room/10, ghostRoom: room - room/10, objects: map[uint64]*s3entry{}, ghosts: map[uint64]*list.Element{}}
}

func (c *s3fifo) close() {}

func (c *s3fifo) ask(_ int, r Request) bool {
	if e := c.objects[r.Object]; e != nil {
		e.used = min(e.used+1, 3)
		return true
	}
	e := &s3entry{Request: r}
	c.objects[r.Object] = e
	if g := c.ghosts[r.Object]; g != nil {
		c.forget(g)
		c.main.PushFront(e)
		c.mainBytes += r.bytes()
	} else {
		c.small.PushFront(e)
		c.smallBytes += r.bytes()
	}
	for c.smallBytes+c.mainBytes > c.smallRoom+c.mainRoom {
		if c.smallBytes > c.smallRoom || c.main.Len() == 0 {
			c.evictSmall()
		} else {
			c.evictMain()
		}
	}
	return false
}

func (c *s3fifo) evictSmall() {
	e := c.small.Remove(c.small.Back()).(*s3entry)
	c.smallBytes -= e.bytes()
	if e.used > 1 {
		e.used = 0
		c.main.PushFront(e)
		c.mainBytes += e.bytes()
		return
	}
	delete(c.objects, e.Object)
	c.ghosts[e.Object] = c.ghost.PushFront(e.Request)
	for c.ghostBytes += e.bytes(); c.ghostBytes > c.ghostRoom; {
		c.forget(c.ghost.Back())
	}
}

func (c *s3fifo) evictMain() {
	for {
		b := c.main.Back()
		e := b.Value.(*s3entry)
		if e.used == 0 {
			c.main.Remove(b)
			c.mainBytes -= e.bytes()
			delete(c.objects, e.Object)
			return
		}
		e.used--
		c.main.MoveToFront(b)
	}
}

func (c *s3fifo) forget(g *list.Element) {
	r := c.ghost.Remove(g).(Request)
	c.ghostBytes -= r.bytes()
	delete(c.ghosts, r.Object)
}
