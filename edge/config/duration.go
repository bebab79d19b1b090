package config

import (
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time, or Unlimited. The file writes it as Go does: "300ms", "10s", "1h30m".
type Duration time.Duration

// UnmarshalText reads "10s" or "none".
func (d *Duration) UnmarshalText(text []byte) error {
	t := string(text)
	if t == "none" {
		*d = Unlimited
		return nil
	}
	// time.ParseDuration also takes signs, a bare 0 and a bare point; here a duration begins with a digit and ends with a unit.
	if t != "" && t[0] >= '0' && t[0] <= '9' && (t[len(t)-1] < '0' || t[len(t)-1] > '9') {
		if v, err := time.ParseDuration(t); err == nil {
			*d = Duration(v)
			return nil
		}
	}
	return complain(durationHint(t), "%s is not a duration", quote(t))
}

func durationHint(t string) string {
	if _, ok := wholeNumber(t); ok {
		return "a duration needs a unit: " + t + "s, " + t + "ms"
	}
	digits := strings.TrimRight(t, " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if n, ok := wholeNumber(digits); ok {
		switch strings.ToLower(strings.TrimSpace(t[len(digits):])) {
		case "d", "day", "days":
			if n < 1e6 {
				return "days have no unit: write " + strconv.FormatInt(n*24, 10) + "h"
			}
		case "s", "sec", "secs", "second", "seconds":
			return "write " + digits + "s"
		case "m", "min", "mins", "minute", "minutes":
			return "write " + digits + "m"
		case "h", "hour", "hours":
			return "write " + digits + "h"
		case "ms", "msec", "millisecond", "milliseconds":
			return "write " + digits + "ms"
		}
	}
	return "write a number with ms, s, m or h, as 300ms, 10s or 1h30m"
}

// MarshalText writes the duration in its shortest form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Duration) String() string {
	if d == Unlimited {
		return "none"
	}
	t := time.Duration(d).String()
	// "1h0m0s" says no more than "1h".
	if strings.HasSuffix(t, "m0s") {
		t = strings.TrimSuffix(t, "0s")
	}
	if strings.HasSuffix(t, "h0m") {
		t = strings.TrimSuffix(t, "0m")
	}
	return t
}

// Pattern is what JSON Schema can say of the form.
func (Duration) Pattern() string {
	return `^[0-9]+(\.[0-9]*)?(ns|us|µs|μs|ms|s|m|h)([0-9]*\.?[0-9]*(ns|us|µs|μs|ms|s|m|h))*$`
}
