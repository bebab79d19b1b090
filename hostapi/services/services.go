package services

import (
	"errors"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Services is what a node offers to its guests.
type Services struct {
	KV       KV
	Cache    Cache
	Fetcher  Fetcher
	Origins  Origins
	Counters Counters
	Log      Log
	Metrics  Metrics
	Places   Places
	Devices  Devices
	Tracer   Tracer
	Caching  HTTPCaching
}

// Owner is the tenant on whose behalf a function runs. Nothing that a service
// keeps crosses owners.
type Owner string

// Caller is the function that asks, and for which exchange.
type Caller struct {
	Owner    Owner
	Function string
	Version  string
	// Exchange and Hook are zero while the function is initialised.
	Exchange exchange.ID
	Hook     exchange.Hook
}

// Failures that guests can tell apart. Services return errors that wrap one of
// them; any other error is an input or output failure to the guest.
var (
	// ErrInvalid: the arguments have no meaning; to ask again is useless.
	ErrInvalid = errors.New("invalid argument")
	// ErrAbsent: there is no such store, origin or key.
	ErrAbsent = errors.New("absent")
	// ErrLimit: a quota or a limit on size or number is reached.
	ErrLimit = errors.New("limit reached")
	// ErrNotAllowed: the operator does not allow it.
	ErrNotAllowed = errors.New("not allowed")
	// ErrNotNumber: the stored value is not a number.
	ErrNotNumber = errors.New("not a number")
	// ErrTimeout: it was not done in time.
	ErrTimeout = errors.New("timeout")
)
