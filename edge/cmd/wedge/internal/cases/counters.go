package cases

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/node"
)

var counted = regexp.MustCompile(`^(.+) in ([0-9a-z.]+): (-?[0-9]+)$`)

// readCounters reads lines such as "192.0.2.1 in 1m: 3".
func readCounters(text string) (list []node.Counter, err error) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); strings.TrimSpace(line) == "" {
			continue
		}
		m := counted.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("want a key, its window and a sum, such as 192.0.2.1 in 1m: 3, got %q", line)
		}
		c := node.Counter{Key: m[1]}
		if c.Window, err = time.ParseDuration(m[2]); err != nil || c.Window < time.Second || c.Window > 24*time.Hour {
			return nil, fmt.Errorf("want a window from 1s to 24h, got %q", m[2])
		}
		if c.Sum, err = strconv.ParseInt(m[3], 10, 64); err != nil {
			return nil, fmt.Errorf("want a sum of 64 bits, got %q", m[3])
		}
		list = append(list, c)
	}
	return list, nil
}

// counterText is a counter as readCounters reads it.
func counterText(c node.Counter) string {
	return fmt.Sprintf("%s in %s: %d\n", printable(c.Key), shortest(c.Window), c.Sum)
}

// shortest is a duration without parts that are 0: 1m, not 1m0s.
func shortest(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// fuelBound is the number of a section "fuel at most N".
func fuelBound(name string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(name, fuelAtMost), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("want a number, such as fuel at most 20000")
	}
	return n, nil
}
