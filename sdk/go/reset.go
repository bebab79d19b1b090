package wedge

import "github.com/wedgecdn/wedge/sdk/go/internal/restore"

// AfterReset has f run each time that the node has put the instance's memory back to what it was after initialisation, before the next exchange.
// Call it during initialisation. In f works what works there: configuration, secrets, log, clock, random numbers. Go's own random numbers
// and maps need no f: they are seeded again before.
func AfterReset(f func()) { restore.After(f) }
