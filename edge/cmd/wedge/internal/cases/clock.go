package cases

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// dawn is what the clock shows at the beginning of a conversation.
var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A clock stands still unless it is set. mu guards now: the node's goroutines read it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// isTime tells of sections that set the clock.
func isTime(name string) bool {
	return strings.HasPrefix(name, "at ") || strings.HasPrefix(name, "after ")
}

// timeAfter is what a clock that shows now is set to by a section. What has been stored and counted was never tried with a
// clock that goes back, so that is an error once there was a request.
func timeAfter(now time.Time, name string, began bool) (time.Time, error) {
	if text, is := strings.CutPrefix(name, "after "); is {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return now, fmt.Errorf("want a time to pass, such as after 61s, got %q", text)
		}
		return now.Add(d), nil
	}
	text := strings.TrimPrefix(name, "at ")
	for _, layout := range []string{"15:04", "15:04:05", time.DateOnly, time.DateTime} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if t.Year() == 0 {
			t = now.Truncate(24 * time.Hour).Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second)
		}
		if began && t.Before(now) {
			return now, fmt.Errorf("the clock shows %s already and does not go back; a time of another day begins with its date", now.Format(time.DateTime))
		}
		return t, nil
	}
	return now, fmt.Errorf("want a time such as at 15:04:05 or at 2026-01-02 15:04:05, got %q", text)
}
