package config

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema of wedge.yaml, for editors that complete and check while one writes. What it accepts can still be
// wrong, since it knows no references; what Parse accepts it accepts as well, but for merge keys (<<).
func Schema() []byte { return slices.Clone(schema) }
