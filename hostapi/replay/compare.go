package replay

import "github.com/wedgecdn/wedge/hostapi/journal"

// A Difference is a hook that did something else than it did when it was recorded.
type Difference struct {
	// Hook is "" for what a function did outside of its hooks.
	Hook string
	// Want is the record, Got what came, both as text with a line for each thing.
	Want, Got string
}

// Compare tells where two runs differ.
func Compare(want, got *journal.Run) (list []Difference) {
	differ := func(hook, a, b string) {
		if a != b {
			list = append(list, Difference{hook, a, b})
		}
	}
	differ("", want.Text(), got.Text())
	for i := range max(len(want.Steps), len(got.Steps)) {
		switch {
		case i >= len(got.Steps):
			differ(want.Steps[i].Hook, want.Steps[i].Text(), "did not run\n")
		case i >= len(want.Steps):
			differ(got.Steps[i].Hook, "did not run\n", got.Steps[i].Text())
		default:
			differ(want.Steps[i].Hook, want.Steps[i].Text(), got.Steps[i].Text())
		}
	}
	return list
}
