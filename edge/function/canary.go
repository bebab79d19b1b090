package function

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrTrial says that a canary, a shadow or a budget is not described as one.
var ErrTrial = errors.New("it cannot be tried out like that")

// A Canary is a version that runs for some of the exchanges, in place of the
// active one, until it is promoted or given up.
type Canary struct {
	// Version is the hash of the version.
	Version string `json:"version"`
	// Share is how many of 10 000 clients get it.
	Share Share `json:"share,omitempty"`
	// Header and Value are a request field by which anybody gets it; "" if there
	// is none.
	Header string `json:"header,omitempty"`
	Value  string `json:"value,omitempty"`
	// Cookie names the cookie by which clients are told apart; without it, and for
	// clients that do not have it, that is their address.
	Cookie string `json:"cookie,omitempty"`
	// Budget is what it may come to before the node gives it up by itself.
	Budget Budget    `json:"budget,omitzero"`
	Began  time.Time `json:"began"`
	By     string    `json:"by,omitempty"`
}

// Check tells what is wrong with a canary whose version is known.
func (c *Canary) Check() error {
	switch {
	case c.Share < 0 || c.Share > Whole:
		return fmt.Errorf("a canary gets between 0.01%% and 100%% of the clients: %w", ErrTrial)
	case c.Share == 0 && c.Header == "":
		return fmt.Errorf("a canary needs a share of the clients, or a header field by which they get it: %w", ErrTrial)
	case c.Cookie != "" && !isToken(c.Cookie):
		return fmt.Errorf("%q is no name of a cookie: %w", c.Cookie, ErrTrial)
	}
	return nil
}

// Share is a part of a whole, in hundredths of a percent.
type Share int

// Whole is all of it.
const Whole Share = 10_000

// ParseShare reads a percentage, as in 5% or 0.25%.
func ParseShare(text string) (Share, error) {
	wrong := func() (Share, error) {
		return 0, fmt.Errorf("%.40q is no percentage as in 5%% or 0.25%%: %w", text, ErrTrial)
	}
	digits, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	if !ok {
		return wrong()
	}
	units, fraction, _ := strings.Cut(strings.TrimSpace(digits), ".")
	if len(fraction) > 2 {
		return wrong()
	}
	n, err := strconv.ParseUint(units+(fraction + "00")[:2], 10, 16)
	if err != nil || units == "" || Share(n) > Whole {
		return wrong()
	}
	return Share(n), nil
}

// String is the share as ParseShare reads it.
func (s Share) String() string {
	return strconv.FormatFloat(float64(s)/100, 'f', -1, 64) + "%"
}

// ParseField reads a header field as in "X-Canary: 1".
func ParseField(text string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, ":")
	value = strings.Trim(value, " \t")
	plain := !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
	if !ok || !isToken(name) || value == "" || !plain || len(text) > 256 {
		return "", "", fmt.Errorf("%.80q is no header field as in \"X-Canary: 1\": %w", text, ErrTrial)
	}
	return name, value, nil
}

// isToken tells whether s is a token (RFC 9110 §5.6.2), as names of fields and
// cookies are.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// An Ending is how a canary came to its end.
type Ending struct {
	Version string    `json:"version"`
	How     How       `json:"how"`
	Why     string    `json:"why,omitempty"` // of one that was given up by the node: the figures
	Ended   time.Time `json:"ended"`
}

// How a canary ended.
type How string

// The ways in which canaries end.
const (
	Promoted   How = "promoted"    // it became the active version
	GivenUp    How = "given up"    // somebody rolled it back
	RolledBack How = "rolled back" // the node did, as its budget said
	Replaced   How = "replaced"    // another version was made active, or another canary
)

// Try makes a kept version a canary beside the active one. An earlier canary ends.
func (s *Store) Try(owner, name string, c Canary) (Version, error) {
	var got Version
	err := s.change(owner, name, func(f *Function) (err error) {
		if got, err = f.find(c.Version); err != nil {
			return err
		}
		if err := f.mayTry(got.Hash); err != nil {
			return err
		}
		c.Version = got.Hash
		c.Began = time.Now().UTC().Truncate(time.Second)
		if f.Canary != nil && f.Canary.Version != c.Version {
			f.endCanary(Replaced, "")
		}
		f.Canary = &c
		return c.Check()
	})
	return got, err
}

// mayTry tells whether a version can be tried beside the active one.
func (f *Function) mayTry(hash string) error {
	switch f.Active {
	case "":
		return fmt.Errorf("function %s runs no version beside which another could be tried: %w", f.Name, ErrNoTrial)
	case hash:
		return fmt.Errorf("version %.12s of function %s runs for everybody already: %w", hash, f.Name, ErrNoTrial)
	}
	return nil
}

// ErrNoTrial says that there is nothing to try, or nothing that is tried.
var ErrNoTrial = errors.New("there is nothing to try")

// Promote makes the canary the active version.
func (s *Store) Promote(owner, name string) (Version, error) {
	var got Version
	err := s.change(owner, name, func(f *Function) (err error) {
		if f.Canary == nil {
			return fmt.Errorf("function %s has no canary: %w", f.Name, ErrNoTrial)
		}
		if got, err = f.find(f.Canary.Version); err == nil {
			f.endCanary(Promoted, "")
			f.activate(got.Hash)
		}
		return err
	})
	return got, err
}

// EndCanary gives the canary up, if it is still that version. It returns the
// active one.
func (s *Store) EndCanary(owner, name, version string, how How, why string) (Version, error) {
	var got Version
	err := s.change(owner, name, func(f *Function) (err error) {
		if f.Canary == nil || f.Canary.Version != version {
			return fmt.Errorf("version %.12s of function %s is no canary: %w", version, f.Name, ErrNoTrial)
		}
		f.endCanary(how, why)
		got, err = f.find(f.Active)
		return err
	})
	return got, err
}

// endCanary notes how the canary ended. Preconditions: there is one.
func (f *Function) endCanary(how How, why string) {
	f.Ended = &Ending{Version: f.Canary.Version, How: how, Why: why, Ended: time.Now().UTC().Truncate(time.Second)}
	f.Canary = nil
}
