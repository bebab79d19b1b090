// Package project makes and builds the projects in which functions are written: a folder with a source in Go, Rust, AssemblyScript or C, and the SDK
// of that language; or in JavaScript or TypeScript, on the npm package @fastly/js-compute.
//
// New writes one from a template, offline: SDKs and templates are in this package. Build calls the language's compiler and gives back a module. It
// does not look into the module and knows no node: that is up to its callers, the commands wedge function new and wedge function build.
package project
