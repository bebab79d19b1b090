package admin

import (
	"fmt"
	"strings"
)

// suggest makes a hint out of the names that there are: the one that was
// likely meant, then some of them all.
func suggest(name, what string, names []string) string {
	if len(names) == 0 {
		return fmt.Sprintf("there are no %s", what)
	}
	var b strings.Builder
	if n := nearest(name, names); n != "" {
		fmt.Fprintf(&b, "did you mean %s? ", n)
	}
	const most = 10
	fmt.Fprintf(&b, "%s: %s", what, strings.Join(names[:min(most, len(names))], ", "))
	if n := len(names) - most; n > 0 {
		fmt.Fprintf(&b, " and %d more", n)
	}
	return b.String()
}

// nearest returns the name that is few slips away from a word, "" if none is:
// one in a short word, one for each three letters in a longer one.
func nearest(word string, names []string) (best string) {
	const longest = 64
	least := max(1, len(word)/3) + 1
	for _, n := range names {
		if len(word) > longest || len(n) > longest {
			continue
		}
		if d := slips(word, n); d < least && d < len(n) {
			best, least = n, d
		}
	}
	return best
}

// slips counts the letters to insert, remove, replace or exchange with their
// neighbour to make b of a.
func slips(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			row[j+1] = min(last[j+1], row[j]) + 1
			if a[i] == b[j] {
				row[j+1] = min(row[j+1], last[j])
			} else {
				row[j+1] = min(row[j+1], last[j]+1)
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
