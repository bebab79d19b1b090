package config

import (
	"cmp"
	"fmt"
	"slices"
)

// place is a position in a file, from 1; the zero place is the file as a whole.
type place struct{ line, column, width int }

// source is one file and what was said against it so far.
type source struct {
	file     string
	lines    []string
	problems []Problem
	dropped  int                  // complaints beyond maxFound
	widths   map[[2]int]int       // of the places that problems have, for the marks
	seen     map[Problem]struct{} // an alias can lead to the same place twice; one complaint is enough
	private  map[int]struct{}     // lines that must not be shown
}

// A file of a megabyte can hold a hundred thousand mistakes. So many are kept before they are sorted, and so many are reported.
const (
	maxFound    = 1000
	maxReported = 100
)

func newSource(file string) *source {
	return &source{file: file, widths: map[[2]int]int{}, seen: map[Problem]struct{}{}, private: map[int]struct{}{}}
}

// complain notes a problem at a place.
func (s *source) complain(at place, hint, format string, args ...any) {
	if s.full() {
		s.dropped++
		return
	}
	p := Problem{File: s.file, Line: at.line, Column: at.column, Message: printable(fmt.Sprintf(format, args...)), Hint: printable(hint)}
	if _, ok := s.seen[p]; ok {
		return
	}
	s.seen[p] = struct{}{}
	s.widths[[2]int{at.line, at.column}] = at.width
	s.problems = append(s.problems, p)
}

// full reports that further problems are only counted, so that their hints need no work.
func (s *source) full() bool { return len(s.problems) >= maxFound }

// complainFirst notes a problem of the file as a whole, however many there are. It stands before all others.
func (s *source) complainFirst(hint, format string, args ...any) {
	s.problems = append(s.problems, Problem{File: s.file, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// hide keeps the lines from which a problem at this place would be shown out of every snippet.
func (s *source) hide(at place) { s.private[at.line] = struct{}{} }

// errors returns what was found, in the order of the file, or nil.
func (s *source) errors() error {
	if len(s.problems) == 0 {
		return nil
	}
	found := s.problems
	slices.SortStableFunc(found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	left := s.dropped
	if len(found) > maxReported {
		left += len(found) - maxReported
		found = found[:maxReported]
	}
	lines := map[int][]rune{} // many problems may stand in one long line
	for i := range found {
		p := &found[i]
		if _, private := s.private[p.Line]; private || p.Line < 1 || p.Line > len(s.lines) {
			continue
		}
		if lines[p.Line] == nil {
			lines[p.Line] = []rune(s.lines[p.Line-1])
		}
		p.Snippet = snippet(lines[p.Line], p.Line, p.Column, s.widths[[2]int{p.Line, p.Column}])
	}
	if left > 0 {
		found = append(found, Problem{File: s.file, Message: fmt.Sprintf("%d more problems are not shown", left), Hint: "mend the first ones and check again"})
	}
	return Errors(found)
}
