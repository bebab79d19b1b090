package function

import (
	"fmt"
	"time"
)

// A Shadow is a version that runs on copies of exchanges after they have been
// served, and whose outcome is compared and never served.
type Shadow struct {
	// Version is the hash of the version.
	Version string `json:"version"`
	// Share is how many of 10 000 exchanges are copied.
	Share Share `json:"share"`
	// Began is when it was begun; Follow fills it in.
	Began time.Time `json:"began"`
	By    string    `json:"by,omitempty"`
}

// Follow makes a kept version the shadow of the active one. An earlier shadow ends.
func (s *Store) Follow(owner, name string, sh Shadow) (Version, error) {
	var got Version
	err := s.change(owner, name, func(f *Function) (err error) {
		if got, err = f.find(sh.Version); err != nil {
			return err
		}
		if err := f.mayTry(got.Hash); err != nil {
			return err
		}
		if sh.Share <= 0 || sh.Share > Whole {
			return fmt.Errorf("a shadow gets between 0.01%% and 100%% of the exchanges: %w", ErrTrial)
		}
		if sh.Version = got.Hash; sh.Began.IsZero() {
			sh.Began = time.Now().UTC().Truncate(time.Second)
		}
		f.Shadow = &sh
		return nil
	})
	return got, err
}

// GiveUp ends whatever is tried beside the active version, canary and shadow. It
// returns the active one.
func (s *Store) GiveUp(owner, name string) (Version, error) {
	var got Version
	err := s.change(owner, name, func(f *Function) (err error) {
		if f.Canary == nil && f.Shadow == nil {
			return fmt.Errorf("function %s: %w", f.Name, ErrNoTrial)
		}
		if f.Canary != nil {
			f.endCanary(GivenUp, "")
		}
		f.Shadow = nil
		got, err = f.find(f.Active)
		return err
	})
	return got, err
}
