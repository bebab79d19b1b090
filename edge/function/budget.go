package function

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Budget is what the calls of a canary may come to before the node gives it up.
// The zero value has no end.
type Budget struct {
	Rules []Rule `json:"rules"`
	// Window is over how long calls are counted; 0 is DefaultWindow.
	Window Duration `json:"window,omitempty"`
	// Least is how many calls a verdict takes; 0 is DefaultLeast.
	Least int `json:"least,omitempty"`
}

// Duration is a time.Duration that JSON writes as text.
type Duration time.Duration

// MarshalText writes it as in "1m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads such a text.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// Defaults and bounds of budgets.
const (
	DefaultWindow = time.Minute
	DefaultLeast  = 100
	minWindow     = time.Second
	maxWindow     = 24 * time.Hour
	maxLeast      = 1_000_000
	maxRules      = 8
)

// IsZero tells that the budget has no end.
func (b Budget) IsZero() bool { return len(b.Rules) == 0 }

func (b *Budget) window() time.Duration {
	if b.Window == 0 {
		return DefaultWindow
	}
	return time.Duration(b.Window)
}

func (b *Budget) least() int64 {
	if b.Least == 0 {
		return DefaultLeast
	}
	return int64(b.Least)
}

// Check tells what is wrong with a budget.
func (b *Budget) Check() error {
	switch w := b.window(); {
	case len(b.Rules) > maxRules:
		return fmt.Errorf("a budget has at most %d rules: %w", maxRules, ErrTrial)
	case w < minWindow || w > maxWindow:
		return fmt.Errorf("the window %s is not between %s and %s: %w", w, minWindow, maxWindow, ErrTrial)
	case b.Least < 0 || b.Least > maxLeast:
		return fmt.Errorf("the least number of calls is not between 1 and %d: %w", maxLeast, ErrTrial)
	}
	return nil
}

// A Rule says which calls are bad, and how many of 10 000 may be. It is written
// "errors 1%", "p99 5ms" (of processor time) or "p99 wall 20ms".
type Rule struct {
	Of Measure `json:"of"`
	// Limit is what a call that is not bad takes at most; 0 for Errors.
	Limit Duration `json:"limit,omitempty"`
	// Allowed is how many calls may be bad.
	Allowed Share `json:"allowed"`
}

// Measure is what a rule looks at.
type Measure string

// What rules look at.
const (
	Errors Measure = "errors" // whether the call failed
	CPU    Measure = "cpu"    // the processor time of the call
	Wall   Measure = "wall"   // the time of the call, waiting included
)

// ParseRules reads rules with commas between them.
func ParseRules(text string) ([]Rule, error) {
	var rules []Rule
	for one := range strings.SplitSeq(text, ",") {
		r, err := parseRule(one)
		if err != nil {
			return nil, err
		}
		if len(rules) == maxRules {
			return nil, fmt.Errorf("a budget has at most %d rules: %w", maxRules, ErrTrial)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func parseRule(text string) (Rule, error) {
	wrong := fmt.Errorf("%.60q is no budget as in \"errors 1%%\", \"p99 5ms\" or \"p99 wall 20ms\": %w", strings.TrimSpace(text), ErrTrial)
	words := strings.Fields(text)
	if len(words) == 2 && words[0] == string(Errors) {
		share, err := ParseShare(words[1])
		if err != nil || share == Whole {
			return Rule{}, wrong
		}
		return Rule{Of: Errors, Allowed: share}, nil
	}
	r := Rule{Of: CPU}
	if len(words) == 3 && (words[1] == string(CPU) || words[1] == string(Wall)) {
		r.Of = Measure(words[1])
		words = []string{words[0], words[2]}
	}
	if len(words) != 2 || !strings.HasPrefix(words[0], "p") {
		return Rule{}, wrong
	}
	quantile, err := ParseShare(words[0][1:] + "%")
	if err != nil || quantile == 0 || quantile == Whole {
		return Rule{}, wrong
	}
	limit, err := time.ParseDuration(words[1])
	if err != nil || limit <= 0 {
		return Rule{}, wrong
	}
	r.Limit, r.Allowed = Duration(limit), Whole-quantile
	return r, nil
}

// String is the rule as ParseRules reads it.
func (r Rule) String() string {
	quantile := "p" + strings.TrimSuffix((Whole-r.Allowed).String(), "%")
	switch r.Of {
	case CPU:
		return quantile + " " + time.Duration(r.Limit).String()
	case Wall:
		return quantile + " wall " + time.Duration(r.Limit).String()
	}
	return "errors " + r.Allowed.String()
}

// String is the budget's rules as ParseRules reads them.
func (b Budget) String() string {
	var rules []string
	for _, r := range b.Rules {
		rules = append(rules, r.String())
	}
	return strings.Join(rules, ", ")
}

// A Call is what a Watch is told of a call.
type Call struct {
	Failed    bool
	CPU, Wall time.Duration
}

func (r *Rule) bad(c Call) bool {
	switch r.Of {
	case CPU:
		return c.CPU > time.Duration(r.Limit)
	case Wall:
		return c.Wall > time.Duration(r.Limit)
	}
	return c.Failed
}

// slots is in how many steps a window moves on.
const slots = 12

// A Watch counts the calls of a canary and says when its budget is spent.
//
// The window moves on by slots, each of which is emptied before it is used
// again. A rule is broken when more calls of the window are bad than it allows of
// them all, or of the least number that a verdict takes, whichever is more: so a
// version that always fails is found before that number has come.
type Watch struct {
	budget Budget

	mu     sync.Mutex // guards what follows
	slots  [slots]slot
	calls  int64 // since the beginning
	failed int64
	began  time.Time
	broken string // "" or the first verdict
}

type slot struct {
	number int64 // which step of time it counts
	calls  int64
	bad    [maxRules]int64
}

// NewWatch makes a watch that begins now.
func NewWatch(b Budget, now time.Time) *Watch { return &Watch{budget: b, began: now} }

// Add counts a call. verdict is not "" for the one that broke the budget.
func (w *Watch) Add(now time.Time, c Call) (verdict string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if c.Failed {
		w.failed++
	}
	number := now.UnixNano() / int64(w.budget.window()/slots)
	s := &w.slots[number%slots]
	if s.number != number {
		*s = slot{number: number}
	}
	s.calls++
	for i := range w.budget.Rules {
		if w.budget.Rules[i].bad(c) {
			s.bad[i]++
		}
	}
	if w.broken != "" {
		return ""
	}
	calls, bad := w.sums(number)
	for i := range w.budget.Rules {
		r := &w.budget.Rules[i]
		if bad[i]*int64(Whole) > int64(r.Allowed)*max(calls, w.budget.least()) {
			w.broken = r.verdict(bad[i], calls, w.budget.window())
			return w.broken
		}
	}
	return ""
}

// sums counts the window that ends with a step of time.
func (w *Watch) sums(number int64) (calls int64, bad [maxRules]int64) {
	for i := range w.slots {
		s := &w.slots[i]
		if s.number <= number-slots || s.number > number {
			continue
		}
		calls += s.calls
		for j := range bad {
			bad[j] += s.bad[j]
		}
	}
	return calls, bad
}

// verdict says by how much a rule was broken.
func (r *Rule) verdict(bad, calls int64, window time.Duration) string {
	part := strconv.FormatFloat(float64(bad)*100/float64(calls), 'f', 1, 64)
	switch r.Of {
	case CPU:
		return fmt.Sprintf("%d of %d calls within %s (%s%%) took more than %s of processor time: the budget is %s", bad, calls, window, part, time.Duration(r.Limit), r)
	case Wall:
		return fmt.Sprintf("%d of %d calls within %s (%s%%) took longer than %s: the budget is %s", bad, calls, window, part, time.Duration(r.Limit), r)
	}
	return fmt.Sprintf("%d of %d calls within %s (%s%%) failed: the budget is %s", bad, calls, window, part, r)
}

// A Standing is how a canary stands.
type Standing struct {
	Calls, Failed int64 // since the watch began
	// Window are the calls in the window, and Bad those that each rule finds bad.
	Window int64
	Bad    []int64
	// Held tells that a whole window has passed since the watch began, that it has
	// calls enough for a verdict, and that none was broken.
	Held bool
	// Broken is the verdict, if the budget is spent.
	Broken string
}

// Standing tells how it stands.
func (w *Watch) Standing(now time.Time) Standing {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Standing{Calls: w.calls, Failed: w.failed, Broken: w.broken}
	var bad [maxRules]int64
	s.Window, bad = w.sums(now.UnixNano() / int64(w.budget.window()/slots))
	s.Bad = append(s.Bad, bad[:len(w.budget.Rules)]...)
	s.Held = w.broken == "" && now.Sub(w.began) >= w.budget.window() && s.Window >= w.budget.least()
	return s
}
