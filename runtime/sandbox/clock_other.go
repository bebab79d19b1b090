//go:build !linux

package sandbox

import "time"

const haveThreadTime = false

// threadTime is not read here: processor time is wall time without the waits, stretch by stretch.
func threadTime() time.Duration { return 0 }

// threadFaults is not asked for where there is no threadTime.
func threadFaults() int64 { return 0 }
