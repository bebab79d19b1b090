// Command gen writes what is derived from the types of package config and their comments: the JSON Schema that the package embeds, and
// the reference page of the user documentation. `go generate ./edge/config` runs it in the folder of package config; its test fails
// when the files are not what it would write.
package main
