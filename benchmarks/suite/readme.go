package main

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The table stands between these lines of the repository's README.
const (
	tableBegin = "<!-- measured: go run ./suite readme, in benchmarks -->"
	tableEnd   = "<!-- /measured -->"
)

// newest is the folder of the newest result: folders begin with their date.
func newest(results string) (string, error) {
	found, err := filepath.Glob(filepath.Join(results, "*", "suite.json"))
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("no %s/*/suite.json", results)
	}
	return filepath.Dir(slices.Max(found)), nil
}

// readme is the README's text with the table of the newest result.
func readme(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		return nil, err
	}
	before, rest, ok1 := bytes.Cut(text, []byte(tableBegin+"\n"))
	_, after, ok2 := bytes.Cut(rest, []byte(tableEnd))
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("README.md has no lines %q and %q", tableBegin, tableEnd)
	}
	dir, err := newest(filepath.Join(root, "benchmarks", "results"))
	if err != nil {
		return nil, err
	}
	r, err := readResult(filepath.Join(dir, "suite.json"))
	if err != nil {
		return nil, err
	}
	return slices.Concat(before, []byte(tableBegin+"\n"), []byte(table(r, path.Join("benchmarks", "results", filepath.Base(dir)))), []byte(tableEnd), after), nil
}

// table has a line for each server and a column for each main scenario.
func table(r *Result, folder string) string {
	var columns []Scenario
	for _, s := range scenarios() {
		if s.Main && len(r.of(s.Name)) > 0 {
			columns = append(columns, s)
		}
	}
	var names []string
	for _, c := range columns {
		for _, row := range r.of(c.Name) {
			if !slices.Contains(names, row.Server) {
				names = append(names, row.Server)
			}
		}
	}
	var b strings.Builder
	b.WriteString("| µs of processor time a request |")
	for _, c := range columns {
		fmt.Fprintf(&b, " %s |", strings.ToLower(c.Title[:1])+c.Title[1:])
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(columns)) + "\n")
	for _, name := range names {
		cells, figures := "", false
		for _, c := range columns {
			cell := "–"
			for _, row := range r.of(c.Name) {
				if row.Server == name && row.Reason == "" {
					cell, figures = number(median(row.CPU)), true
				}
			}
			cells += " " + cell + " |"
		}
		if figures {
			fmt.Fprintf(&b, "| %s |%s\n", name, cells)
		}
	}
	m := r.Machine
	fmt.Fprintf(&b, "\nMedians, every answer checked, access logs on; one processor for the server, %s, %s. Spread, throughput, latencies, versions and the reason for each\ndash: [%s/suite.txt](%s/suite.txt). `make bench-rivals && make bench` repeats it; [how it is measured](benchmarks/README.md).\n", m.CPU, m.Kernel, folder, folder)
	return b.String()
}
