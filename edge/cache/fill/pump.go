package fill

import "io"

// pump brings the body into the stream. commit is called when a body that is
// kept is complete, and before its last bytes can be seen: a client that has
// read all of it and asks again finds it stored. unkept is called when a body
// can no longer be stored; from then on nobody may join.
func (s *stream) pump(body io.Reader, length int64, commit func() bool, unkept func()) error {
	if body == nil {
		body = eof{}
	}
	var probe [1]byte
	idle := 0
	for {
		p := probe[:]
		whole := length >= 0 && s.filled == length
		if !whole {
			var err error
			if p, err = s.admit(length); err != nil {
				return s.broken(err)
			}
			if length >= 0 {
				p = p[:min(int64(len(p)), length-s.filled)]
			}
		}
		n, rerr := body.Read(p)
		if n == 0 && rerr == nil {
			if idle++; idle == 100 {
				return s.broken(io.ErrNoProgress)
			}
			continue
		}
		idle = 0
		switch {
		case n > 0 && whole:
			return s.broken(ErrLong)
		case n > 0:
			s.took(n)
			switch {
			case !s.storing:
			case s.filled > s.table.opts.ObjectSize:
				s.giveUp(TooLong)
				unkept()
			case s.filled%int64(s.size) == 0 && !s.keep():
				s.giveUp(Rejected)
				unkept()
			}
		}
		if rerr == nil {
			// What may be the last of the body is shown when it is known to be.
			if s.filled != length {
				s.show()
			}
			continue
		}
		switch {
		case rerr != io.EOF:
			s.show()
			return s.broken(rerr)
		case length >= 0 && s.filled < length:
			s.show()
			return s.broken(ErrShort)
		}
		if s.storing && s.filled%int64(s.size) != 0 && !s.keep() {
			s.giveUp(Rejected)
			unkept()
		}
		if s.storing {
			s.fate = Kept
			if !commit() {
				s.fate = Rejected
			}
		}
		s.show()
		return nil
	}
}

// took says that n more bytes stand in the last block.
func (s *stream) took(n int) {
	s.mu.Lock()
	last := &s.blocks[len(s.blocks)-1]
	*last = (*last)[:len(*last)+n]
	s.filled += int64(n)
	s.mu.Unlock()
}

// show lets readers see what is there.
func (s *stream) show() {
	s.mu.Lock()
	s.end = s.filled
	s.data.Broadcast()
	s.mu.Unlock()
}

// keep puts the last block into the sink.
func (s *stream) keep() bool {
	s.mu.Lock()
	last := s.blocks[len(s.blocks)-1]
	s.mu.Unlock()
	// Without the lock: nobody but the pump changes the block.
	if s.sink.Put(last) != nil {
		return false
	}
	s.mu.Lock()
	s.stored++
	s.mu.Unlock()
	return true
}

// giveUp stops keeping. Readers that are behind still read from the sink.
func (s *stream) giveUp(why Fate) {
	s.fate = why
	s.mu.Lock()
	s.storing, s.shut = false, true
	s.mu.Unlock()
}

func (s *stream) broken(err error) error {
	s.fate = Broken
	return err
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
