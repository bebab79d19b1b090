//go:build !linux

package encode

import "time"

const haveThreadTime = false

// onThread measures nothing: the system has no clock of a thread that we use.
func onThread() (stop func() time.Duration) { return func() time.Duration { return 0 } }
