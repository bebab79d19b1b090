//go:build !linux

package h1

import (
	"errors"
	"os"
)

type sending struct{}

// SendFile tells that content is to be written here.
func (o *out) SendFile(*os.File, int64, int64) (int64, error) { return 0, errors.ErrUnsupported }

// SendMemory does neither.
func (o *out) SendMemory(*os.File, int64, int64) (int64, error) { return 0, errors.ErrUnsupported }
