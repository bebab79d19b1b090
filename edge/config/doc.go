// Package config reads wedge.yaml: one strict YAML file that is the only source of a node's sites, routes, origins, bindings and
// sizes. It turns the text into plain typed data with every default applied, every binding resolved and every relative path made
// absolute, or into all complaints at once, each with its file, line, column, the line itself and the next step.
//
// It says also what a configuration is worth to others: Show prints the effective one, Diff says what a reload would change, Schema
// is the JSON Schema for editors, LoadSecrets fetches the values that the file only points at.
//
// It does not open listeners, read modules, reach origins or watch the file, and it knows no other package of the node. The node, the
// admin API and the command line call it; the YAML library is known here and nowhere else.
package config

//go:generate go run ./internal/gen
