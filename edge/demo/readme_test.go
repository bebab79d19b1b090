package demo

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// number is what differs from one tour to the next.
var number = regexp.MustCompile(`\d+(\.\d+)?`)

// shape is a line of a tour without what differs: numbers, and how many of the visitors who came at once were how early.
func shape(line string) string {
	line, _, _ = strings.Cut(line, " visitors at once: ")
	return number.ReplaceAllString(line, "#")
}

// inREADME is the rule that the README shows a tour as it is: each of its lines is printed by this one.
func inREADME(t *testing.T, tour string) {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, ok := strings.Cut(string(readme), "```tour\nA tour of wedge:")
	shown, _, ends := strings.Cut("A tour of wedge:"+shown, "\n```")
	if !ok || !ends {
		t.Fatal("the README shows no tour")
	}
	printed := map[string]bool{"…": true, "": true}
	for line := range strings.Lines(tour) {
		printed[shape(strings.TrimRight(line, "\n"))] = true
	}
	lines := strings.Split(shown, "\n")
	for _, line := range lines {
		if !printed[shape(line)] {
			t.Errorf("the README shows a line that the tour does not print: put the output of bin/wedge demo --tour there\n%s", line)
		}
	}
	if len(lines) < 20 {
		t.Errorf("the README shows %d lines of the tour", len(lines))
	}
}
