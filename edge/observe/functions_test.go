package observe

import (
	"testing"
	"time"
)

// A function that is loaded twice has one series of each number.
func TestFunctionNumbers(t *testing.T) {
	m := NewMetrics("v")
	m.Functions(func() []FunctionNumbers {
		return []FunctionNumbers{
			{Owner: "o", Name: "f", Live: 3, Idle: 2, Memory: 100, Taken: 300, Stack: 10, Stretch: time.Millisecond, StretchFuel: 5000, Made: Timing{4, time.Second}, Resets: map[string]Timing{"scan": {7, time.Second}}, FuelMost: map[string]int64{"on_request": 9}},
			{Owner: "o", Name: "f", Live: 1, Queued: 1, Memory: 50, Taken: 20, Stack: 40, Made: Timing{1, time.Second}, Resets: map[string]Timing{"scan": {1, time.Second}, "copy": {2, 0}}, FuelMost: map[string]int64{"on_request": 4, "on_error": 1}, Gone: map[string]int64{"trapped": 2}},
			{Owner: "o", Name: "g", Taken: 5},
			{Owner: "p", Name: "f"},
		}
	})
	f := func(want float64, name string, labels ...string) {
		t.Helper()
		if got := value(t, m, "wedge_function_"+name, append(labels, "function", "f")...); got != want {
			t.Errorf("%s %q: %v, want %v", name, labels, got, want)
		}
	}
	f(9, "fuel_max", "owner", "o", "hook", "on_request")
	f(1, "fuel_max", "owner", "o", "hook", "on_error")
	f(4, "instances", "owner", "o", "state", "live")
	f(2, "instances", "owner", "o", "state", "idle")
	f(1, "instances", "owner", "o", "state", "queued")
	f(0, "instances", "owner", "p", "state", "live")
	f(2, "instances_gone_total", "owner", "o", "reason", "trapped")
	f(-1, "instances_gone_total", "owner", "p", "reason", "trapped")
	f(8, "resets_total", "owner", "o", "way", "scan")
	f(2, "resets_seconds_total", "owner", "o", "way", "scan")
	f(2, "resets_total", "owner", "o", "way", "copy")
	f(100, "memory_bytes_max", "owner", "o")
	f(320, "room_bytes", "owner", "o")
	f(40, "stack_bytes_max", "owner", "o")
	for owner, want := range map[string]float64{"o": 325, "p": 0} {
		if got := value(t, m, "wedge_owner_room_bytes", "owner", owner); got != want {
			t.Errorf("owner %s takes %v, want %v", owner, got, want)
		}
	}
	f(0.001, "stretch_seconds_max", "owner", "o")
	f(5000, "stretch_fuel_max", "owner", "o")
	f(5, "instances_made_total", "owner", "o")
}
