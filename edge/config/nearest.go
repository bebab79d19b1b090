package config

// nearest returns the candidate that text was most likely meant to be, or "" if none is close. Close is one slip of the fingers in a
// short word and one for each three letters of a longer one: a letter too many, too few, another one, or two exchanged.
func nearest(text string, candidates []string) string {
	if len(text) > 64 {
		return ""
	}
	best, slips := "", max(1, len(text)/3)+1
	for _, c := range candidates {
		if len(c) > 64 || c == text || max(len(c)-len(text), len(text)-len(c)) >= slips {
			continue
		}
		if d := distance(text, c); d < slips && d < len(c) {
			best, slips = c, d
		}
	}
	return best
}

// distance counts the slips between two words (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
