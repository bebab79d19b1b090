package admin

import (
	"fmt"
	"strings"
)

// Bounds of a test.
const (
	maxCases    = 32
	maxCaseName = 128
)

// A TestRequest asks to hold a kept version against conversations.
type TestRequest struct {
	Version string `json:"version" doc:"A version's hash, or its first digits, at least 8."`
	Cases   []Case `json:"cases" doc:"The conversations, at most 32."`
}

// A Case is a conversation: a file of wedge function test.
type Case struct {
	Name string `json:"name" doc:"The file's name."`
	Text string `json:"text" doc:"The file's text."`
}

// A TestReport tells what came of it.
type TestReport struct {
	Version string       `json:"version" doc:"SHA-256 of the version."`
	Passed  int          `json:"passed"`
	Failed  int          `json:"failed"`
	Cases   []CaseReport `json:"cases"`
}

// A CaseReport tells what came of one conversation.
type CaseReport struct {
	Name       string  `json:"name"`
	OK         bool    `json:"ok"`
	Difference string  `json:"difference,omitempty" doc:"A line for each that was wanted (-) and that came instead (+)."`
	Seconds    float64 `json:"seconds"`
}

func sizeCases(*Options) int64 { return 4 << 20 }

func (c *call) functionTest() (any, error) {
	f, leave, err := c.trial()
	if err != nil {
		return nil, err
	}
	defer leave()
	in, err := decode[TestRequest](c)
	if err != nil {
		return nil, err
	}
	wrong := func(format string, args ...any) error {
		return &Error{Code: Invalid, Field: "cases", Message: fmt.Sprintf(format, args...), Hint: fmt.Sprintf("give 1 to %d files, each with its name, without folders", maxCases)}
	}
	if len(in.Cases) == 0 || len(in.Cases) > maxCases {
		return nil, wrong("there are %d conversations", len(in.Cases))
	}
	seen := map[string]bool{}
	for _, k := range in.Cases {
		odd := strings.ContainsFunc(k.Name, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == '\\' })
		if k.Name == "" || len(k.Name) > maxCaseName || odd || strings.HasPrefix(k.Name, ".") || strings.HasPrefix(k.Name, "-") {
			return nil, wrong("%.80q is no name of a file", k.Name)
		}
		if seen[k.Name] {
			return nil, wrong("%q is given more than once", k.Name)
		}
		seen[k.Name] = true
	}
	done, err := c.s.opt.Functions.Test(c.r.Context(), c.owner, f.Name, in)
	if err != nil {
		return nil, err
	}
	return done, nil
}
