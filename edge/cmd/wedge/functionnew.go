package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/project"
)

type functionNew struct {
	Dir      string `arg:"" name:"folder" help:"The folder to make; its name is the function's."`
	Lang     string `name:"lang" placeholder:"LANG" help:"go, rust, assemblyscript, c, js or ts; it has to be said."`
	Template string `name:"template" default:"blank" placeholder:"T" help:"What to begin with: ab-routing, auth, blank, cache-key, headers, html-rewriting, rate-limit or redirects. ${default} unless said."`
	jsonFlag
}

// A newReport is the answer as JSON.
type newReport struct {
	Name     string   `json:"name"`
	Folder   string   `json:"folder"`
	Language string   `json:"language"`
	Template string   `json:"template"`
	Files    []string `json:"files"`
	// Missing is what the machine lacks to build it.
	Missing string `json:"missing,omitempty"`
}

func (f functionNew) Run(c *command) error {
	language, err := languageOf(f.Lang)
	if err != nil {
		return err
	}
	if has := project.TemplatesOf(language); !slices.Contains(has, f.Template) {
		return hint(usage(fmt.Errorf("there is no template %q", f.Template)), "templates in %s: %s", language, strings.Join(has, ", "))
	}
	name, err := project.Name(f.Dir)
	if err != nil {
		return hint(usage(err), "the folder's name is the function's: rate-limit, say")
	}
	files, err := project.New(f.Dir, project.Options{Language: language, Template: f.Template})
	if errors.Is(err, project.ErrNotEmpty) {
		return hint(err, "choose another name, or empty the folder")
	}
	if err != nil {
		return err
	}
	report := newReport{Name: name, Folder: f.Dir, Language: string(language), Template: f.Template, Files: files}
	var missing *project.MissingError
	if errors.As(project.Toolchain(language, f.Dir), &missing) {
		report.Missing = missing.Error()
		c.note("%s: %s", missing, missing.Hint())
	}
	raw, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	install := ""
	if report.Missing != "" && (language.Handler() || language == project.AssemblyScript) {
		install = "npm install && "
	}
	return c.answer(f.jsonFlag, json.RawMessage(raw), func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s is made: %s\nnext: cd %s && %swedge function build\n", clean(f.Dir), strings.Join(files, ", "), clean(f.Dir), install)
		return err
	})
}

// languageOf reads --lang, and says what goes instead of what is not there.
func languageOf(lang string) (project.Language, error) {
	l := project.Language(strings.ToLower(lang))
	switch l {
	case "":
		return "", hint(usage(errors.New("the language is not said")), "add --lang go, --lang rust, --lang assemblyscript, --lang c, --lang js or --lang ts")
	case "js":
		l = project.JavaScript
	case "ts":
		l = project.TypeScript
	case "as":
		l = project.AssemblyScript
	case "golang":
		l = project.Go
	case "rs":
		l = project.Rust
	}
	if !l.Known() {
		return "", hint(usage(fmt.Errorf("there is no SDK for %q", lang)), "languages: go, rust, assemblyscript, c, js, ts")
	}
	return l, nil
}
