package main

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/cases"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/project"
)

type functionTest struct {
	Dir    string   `arg:"" optional:"" default:"." type:"path" complete:"file" help:"The project's folder. This one unless said."`
	Module string   `name:"module" type:"path" placeholder:"FILE" complete:"file" help:"Test this module instead of building the project."`
	Cases  []string `name:"cases" type:"path" sep:"none" placeholder:"FILE" complete:"file" help:"The conversations; *.cases in the folder unless said. It may be given again."`
	Name   string   `name:"name" placeholder:"NAME" complete:"function" help:"How the function of --module is called, in errors and logs."`
	Record bool     `name:"record" help:"Write what came into the files, to be read and committed."`
	JUnit  string   `name:"junit" type:"path" placeholder:"FILE" complete:"file" help:"Write a report for a build server as well."`
	Watch  bool     `name:"watch" help:"Stay, and test again when a file changes."`
	jsonFlag

	by builder // nil is the project itself
}

// A testReport is the answer as JSON.
type testReport struct {
	Name   string       `json:"name"`
	Passed int          `json:"passed"`
	Failed int          `json:"failed"`
	Cases  []testResult `json:"cases"`
}

type testResult struct {
	File string `json:"file"`
	OK   bool   `json:"ok"`
	// Difference has a line for each that was wanted ("-") and that came instead ("+").
	Difference string  `json:"difference,omitempty"`
	Recorded   bool    `json:"recorded,omitempty"`
	Seconds    float64 `json:"seconds"`
}

// differs is what a conversation that failed is told by.
const differs = "what came is not what was wanted"

func (f functionTest) Run(c *command) error {
	if f.Watch {
		return f.watch(c)
	}
	return f.once(c)
}

// once tests what there is now.
func (f functionTest) once(c *command) error {
	files := f.Cases
	if len(files) == 0 {
		files, _ = filepath.Glob(filepath.Join(f.Dir, "*.cases"))
	}
	if len(files) == 0 {
		info, err := os.Stat(f.Dir)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) { // the folder's name is wrong, not what is in it
				return hint(usage(fmt.Errorf("there is no folder %s", f.Dir)), `give the folder of a project, or a module and its conversations with --module and --cases; "wedge function new" makes a project`)
			}
			return err
		}
		if !info.IsDir() {
			return hint(usage(fmt.Errorf("%s is a file, and what is named is a project's folder", f.Dir)), "--cases names a conversation, --module a module")
		}
		return hint(fmt.Errorf("%s has no *.cases", f.Dir), `"wedge function new" makes a project with one; --cases names another`)
	}
	name, module, err := f.module(c)
	if err != nil {
		return err
	}
	report := testReport{Name: name, Cases: []testResult{}}
	for _, file := range files {
		began := time.Now()
		result, err := f.one(c, name, module, file)
		if err != nil {
			return err
		}
		result.Seconds = time.Since(began).Seconds()
		if result.OK {
			report.Passed++
		} else {
			report.Failed++
		}
		report.Cases = append(report.Cases, result)
	}
	if f.JUnit != "" {
		if err := writeJUnit(f.JUnit, report); err != nil {
			return err
		}
	}
	raw, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := c.answer(f.jsonFlag, json.RawMessage(raw), func(w io.Writer) error { return printTests(w, report) }); err != nil {
		return err
	}
	if report.Failed > 0 {
		return hint(fmt.Errorf("%s of %s: %s", counted(report.Failed, "conversation"), name, differs), "- is the file, + is what came; if that is right, --record writes it into the file")
	}
	return nil
}

// module is what is tested, and the function's name.
func (f functionTest) module(c *command) (name string, module []byte, err error) {
	if f.Module != "" {
		module, err = os.ReadFile(f.Module)
		return cmp.Or(f.Name, "function"), module, err
	}
	p, err := project.Open(f.Dir)
	if errors.Is(err, project.ErrNoProject) {
		return "", nil, hint(err, "name a module with --module, or a project's folder")
	}
	if err != nil {
		return "", nil, err
	}
	by := f.by
	if by == nil {
		by = p
	}
	built, err := c.buildBy(p, by, project.BuildOptions{Plain: true, Debug: true})
	if err != nil {
		return "", nil, err
	}
	_, err = inspect(p, built)
	return p.Name, built.Module, err
}

func (f functionTest) one(c *command, name string, module []byte, file string) (result testResult, err error) {
	result.File = filepath.Base(file)
	text, err := os.ReadFile(file)
	if err != nil {
		return result, err
	}
	want, err := cases.Parse(string(text))
	if err != nil {
		return result, hint(fmt.Errorf("%s: %w", result.File, err), `a conversation has sections that begin with a line such as "-- request --"`)
	}
	got, err := want.Run(c.context, cases.Options{Name: name, Module: module, CompileCache: compiledCode()})
	if err != nil {
		return result, hint(fmt.Errorf("%s: %w", result.File, err), "the node of the test could not be had or asked")
	}
	result.Difference = cases.Difference(want.String(), got.String())
	result.OK = result.Difference == ""
	if f.Record && !result.OK {
		result.OK, result.Recorded = true, true
		return result, os.WriteFile(file, []byte(got.String()), 0o644)
	}
	return result, nil
}

func printTests(w io.Writer, r testReport) error {
	for _, t := range r.Cases {
		verdict := "ok"
		switch {
		case t.Recorded:
			verdict = "recorded"
		case !t.OK:
			verdict = "FAILED"
		}
		if _, err := fmt.Fprintf(w, "%s: %s: %s\n", clean(r.Name), clean(t.File), verdict); err != nil {
			return err
		}
		if !t.OK {
			if _, err := io.WriteString(w, t.Difference); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeJUnit writes the form in which build servers read results.
func writeJUnit(file string, r testReport) error {
	type failure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testcase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Time    string   `xml:"time,attr"`
		Failure *failure `xml:"failure,omitempty"`
	}
	suite := struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Cases    []testcase `xml:"testcase"`
	}{Name: r.Name, Tests: len(r.Cases), Failures: r.Failed}
	for _, t := range r.Cases {
		one := testcase{Class: r.Name, Name: t.File, Time: fmt.Sprintf("%.3f", t.Seconds)}
		if !t.OK {
			one.Failure = &failure{differs, t.Difference}
		}
		suite.Cases = append(suite.Cases, one)
	}
	b, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append([]byte(xml.Header), append(b, '\n')...), 0o644)
}
