package main

import (
	"bytes"
	"fmt"
	"go/format"
	"strings"
)

// goParam is a parameter as a Go guest writes it.
func goParam(c *contract, p param) string {
	t := map[string]string{"i32": "int32", "i64": "int64", "f64": "float64", "handle": "int32", "text": "string", "bytes": "[]byte",
		"buffer": "[]byte", "out8": "*uint64", "out16": "*[2]uint64"}[p.kind]
	if c.isEnum(p.kind) {
		t = camel(p.kind)
	}
	return small(p.name) + " " + t
}

func goSignature(c *contract, f fn) string {
	var ps []string
	for _, p := range f.params {
		ps = append(ps, goParam(c, p))
	}
	return camel(f.name) + "(" + strings.Join(ps, ", ") + ") " + goResult(f)
}

func goResult(f fn) string {
	if f.result == "i64" {
		return "int64"
	}
	return "int32"
}

// goRawDoc writes the package's comment.
func goRawDoc(*contract) ([]byte, error) {
	return []byte(header + `// Package raw is the native ABI of Wedge as Go functions: one for each function that a guest can import, with slices in
// place of pointers and lengths, and nothing else. In a guest they call the host; elsewhere they call the Host that Use
// was given, so that functions can be tested without a node. The SDK's public packages are its only callers.
//
// Results below zero are a Status. A result that is a length may be larger than the buffer: then nothing was written.
package raw
`), nil
}

// goRaw writes what the raw layer has on every platform.
func goRaw(c *contract) ([]byte, error) {
	b := bytes.NewBufferString(header + "package raw\n\n")
	goEnums(b, c)
	return format.Source(b.Bytes())
}

// goRawWasm writes the imports and the functions that call them.
func goRawWasm(c *contract) ([]byte, error) {
	b := bytes.NewBufferString(header + "//go:build wasip1\n\npackage raw\n\nimport \"unsafe\"\n\n")
	fmt.Fprintf(b, "//go:wasmexport %s_abi_v%d\nfunc marker() {}\n\n", c.module, c.version)
	for _, f := range c.funcs() {
		var ps, args []string
		for _, p := range f.params {
			n := small(p.name)
			switch p.kind {
			case "text":
				ps, args = append(ps, n+" unsafe.Pointer", n+"Len uint32"), append(args, "unsafe.Pointer(unsafe.StringData("+n+"))", "uint32(len("+n+"))")
			case "bytes", "buffer":
				ps, args = append(ps, n+" unsafe.Pointer", n+"Len uint32"), append(args, "unsafe.Pointer(unsafe.SliceData("+n+"))", "uint32(len("+n+"))")
			case "out8", "out16":
				ps, args = append(ps, n+" unsafe.Pointer"), append(args, "unsafe.Pointer("+n+")")
			case "i64":
				ps, args = append(ps, n+" int64"), append(args, n)
			case "f64":
				ps, args = append(ps, n+" float64"), append(args, n)
			case "i32", "handle":
				ps, args = append(ps, n+" int32"), append(args, n)
			default:
				ps, args = append(ps, n+" uint32"), append(args, "uint32("+n+")")
			}
		}
		imported := "import" + camel(f.name)
		fmt.Fprintf(b, "//go:wasmimport %s %s\n//go:noescape\nfunc %s(%s) %s\n\n", c.module, f.name, imported, strings.Join(ps, ", "), goResult(f))
		comment(b, "", sentence(camel(f.name), f.doc))
		fmt.Fprintf(b, "func %s {\n\treturn %s(%s)\n}\n\n", goSignature(c, f), imported, strings.Join(args, ", "))
	}
	return format.Source(b.Bytes())
}

// goRawNative writes the same functions for tests outside of a node.
func goRawNative(c *contract) ([]byte, error) {
	b := bytes.NewBufferString(header + "//go:build !wasip1\n\npackage raw\n\n")
	b.WriteString("// Host is what stands behind the functions where there is no node.\ntype Host interface {\n")
	for _, f := range c.funcs() {
		fmt.Fprintf(b, "\t%s\n", goSignature(c, f))
	}
	b.WriteString(`}

var host Host

// Use makes h the host of all calls from now on and returns the one before it. It is for tests, which must not call it while a
// function runs.
func Use(h Host) (before Host) {
	before, host = host, h
	return before
}

`)
	for _, f := range c.funcs() {
		var args []string
		for _, p := range f.params {
			args = append(args, small(p.name))
		}
		comment(b, "", sentence(camel(f.name), f.doc))
		fmt.Fprintf(b, "func %s { return host.%s(%s) }\n\n", goSignature(c, f), camel(f.name), strings.Join(args, ", "))
	}
	return format.Source(b.Bytes())
}
