package kv

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is the answer of every call after Close.
	ErrClosed = errors.New("kv: the store file is closed")
	// ErrInvalid is matched (errors.Is) by every refusal of what the caller passed: names, sizes, options,
	// cursors, import lines. To call again with the same arguments is useless.
	ErrInvalid = errors.New("kv: invalid argument")
	// ErrNotNumber is matched when Add meets a value that is not a decimal integer of 64 bits.
	ErrNotNumber = errors.New("kv: not a number")
	// ErrOverflow is matched when the sum of Add does not fit into 64 bits; the entry is unchanged.
	ErrOverflow = errors.New("kv: overflow")
)

// invalid is a refusal of an argument, in the user's words.
type invalid struct{ msg string }

func (e *invalid) Error() string        { return e.msg }
func (e *invalid) Is(target error) bool { return target == ErrInvalid }

func invalidf(format string, a ...any) error { return &invalid{fmt.Sprintf(format, a...)} }

// ConflictError says that a condition of a write did not hold; nothing was changed.
type ConflictError struct {
	Store   StoreName
	Current uint64 // version that is there now, 0 if there is no entry
}

func (e *ConflictError) Error() string {
	if e.Current == 0 {
		return fmt.Sprintf("kv: store %q: no entry under this key: read again and decide anew", e.Store)
	}
	return fmt.Sprintf("kv: store %q: the entry is at version %d: read again and decide anew", e.Store, e.Current)
}

// QuotaError says that a write would take its owner over the quota; nothing was written.
type QuotaError struct {
	Owner Owner
	Used  int64 // bytes charged to the owner now
	Need  int64 // bytes the write would add
	Quota int64
}

func (e *QuotaError) Error() string {
	return fmt.Sprintf("kv: owner %q has %d of %d bytes in use and the write adds %d: delete entries or raise the quota",
		e.Owner, e.Used, e.Quota, e.Need)
}

// SizeError says that a key, a value or metadata is too long.
type SizeError struct {
	What string
	Size int
	Max  int
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("kv: %s has %d bytes: at most %d are allowed", e.What, e.Size, e.Max)
}

// Is makes a SizeError an ErrInvalid as well.
func (e *SizeError) Is(target error) bool { return target == ErrInvalid }

// LineError says which line of an import failed, and why.
type LineError struct {
	Line int // the first line is 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("kv: import: line %d: %v", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }
