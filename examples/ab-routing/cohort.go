package main

import (
	"errors"
	"strconv"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

// cohort is one group of clients and how many of each sum of weights it gets.
type cohort struct {
	name   string
	weight uint64
}

const (
	maxCohorts = 16
	maxWeight  = 1_000_000
)

// weights reads the experiment's cohorts from the store, or else from the settings; none, if neither has any: then there is no experiment.
func (c config) weights() ([]cohort, error) {
	text, err := c.store.Value(c.experiment)
	if errors.Is(err, wedge.ErrAbsent) {
		text = c.fallback
	} else if err != nil {
		return nil, err
	}
	cohorts, ok := parse(text)
	if !ok {
		wedge.Log(wedge.LevelWarn, "weights not understood, so there is no experiment: write NAME=WEIGHT NAME=WEIGHT", "experiment", c.experiment, "weights", text)
		return nil, nil
	}
	return cohorts, nil
}

// parse reads "control=90 new=10".
func parse(text string) ([]cohort, bool) {
	var list []cohort
	sum := uint64(0)
	for word := range strings.FieldsSeq(text) {
		name, weight, ok := strings.Cut(word, "=")
		n, err := strconv.ParseUint(weight, 10, 32)
		if !ok || err != nil || n > maxWeight || !isName(name) || listed(list, name) || len(list) == maxCohorts {
			return nil, false
		}
		list, sum = append(list, cohort{name, n}), sum+n
	}
	return list, sum > 0 || len(list) == 0
}

// isName accepts what can stand in a cookie, in the cache key and in a field without being quoted.
func isName(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

func listed(list []cohort, name string) bool {
	for _, c := range list {
		if c.name == name {
			return true
		}
	}
	return false
}

// draw chooses a cohort by the weights. The random bytes are the node's: a generator of the program may give each exchange the same numbers.
func draw(list []cohort) (string, error) {
	var b [8]byte
	if err := wedge.Random(b[:]); err != nil {
		return "", err
	}
	sum := uint64(0)
	for _, c := range list {
		sum += c.weight
	}
	// The remainder favours low numbers by less than one in 10¹²: the sum is at most 16 million.
	n := uint64(0)
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	n %= sum
	for _, c := range list {
		if n < c.weight {
			return c.name, nil
		}
		n -= c.weight
	}
	panic("BUG: the weights do not add up")
}
