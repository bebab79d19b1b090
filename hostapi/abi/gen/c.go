package main

import (
	"bytes"
	"fmt"
	"strings"
)

// The lines between which a header in C has its generated part.
const (
	cBegin = "/* ---- generated from hostapi/abi/abi.txt: begin ---- */"
	cEnd   = "/* ---- generated from hostapi/abi/abi.txt: end ---- */"
)

// cDoc writes a comment that documentation tools read.
func cDoc(b *bytes.Buffer, text string) {
	var lines bytes.Buffer
	wrap(&lines, " * ", text, 110)
	s := strings.TrimSpace(strings.TrimSuffix(lines.String(), "\n"))
	fmt.Fprintf(b, "/** %s */\n", strings.TrimPrefix(s, "* "))
}

// cSignature is a function as C calls it; pointers are pointers, so that the same declaration serves a native fake.
func cSignature(c *contract, f fn) string {
	var ps []string
	for _, p := range f.params {
		switch p.kind {
		case "text", "bytes":
			ps = append(ps, "const void *"+p.name, "size_t "+p.name+"_len")
		case "buffer":
			ps = append(ps, "void *"+p.name, "size_t "+p.name+"_cap")
		case "out8":
			ps = append(ps, "uint64_t *"+p.name)
		case "out16":
			ps = append(ps, "uint64_t "+p.name+"[2]")
		case "i64":
			ps = append(ps, "int64_t "+p.name)
		case "f64":
			ps = append(ps, "double "+p.name)
		case "i32", "handle":
			ps = append(ps, "int32_t "+p.name)
		default:
			ps = append(ps, "uint32_t "+p.name)
		}
	}
	if len(ps) == 0 {
		ps = []string{"void"}
	}
	result := "int32_t"
	if f.result == "i64" {
		result = "int64_t"
	}
	return fmt.Sprintf("%s %s_raw_%s(%s)", result, c.module, f.name, strings.Join(ps, ", "))
}

// cRaw writes numbers and imports.
func cRaw(c *contract, old []byte) ([]byte, error) {
	var b bytes.Buffer
	upper := strings.ToUpper(c.module)
	fmt.Fprintf(&b, "/* %s */\n\n#define %s_ABI %d\n", generatedNote, upper, c.version)
	for _, e := range c.enums {
		b.WriteByte('\n')
		cDoc(&b, e.doc)
		fmt.Fprintf(&b, "enum %s_%s {\n", c.module, e.name)
		for _, m := range e.members {
			fmt.Fprintf(&b, "\t%s_%s_%s = %d,", upper, strings.ToUpper(e.name), strings.ToUpper(m.name), m.value)
			if m.doc != "" {
				fmt.Fprintf(&b, " /**< %s */", m.doc)
			}
			b.WriteByte('\n')
		}
		b.WriteString("};\n")
	}
	fmt.Fprintf(&b, `
#ifdef __wasm__
#define %[1]s_IMPORT(name) __attribute__((import_module("%[2]s"), import_name(name)))
#define %[1]s_EXPORT(name) __attribute__((export_name(name)))
#else
#define %[1]s_IMPORT(name)
#define %[1]s_EXPORT(name)
#endif
`, upper, c.module)
	for _, a := range c.areas {
		fmt.Fprintf(&b, "\n/* %s: %s */\n\n", a.name, oneLine(a.doc))
		for _, f := range a.funcs {
			cDoc(&b, f.doc)
			fmt.Fprintf(&b, "%s_IMPORT(%q) %s;\n", upper, f.name, cSignature(c, f))
		}
	}
	fmt.Fprintf(&b, "\n%s_EXPORT(\"%s_abi_v%d\") __attribute__((weak)) void %s_abi_v%d(void) {}\n\n", upper, c.module, c.version, c.module, c.version)
	return region(old, cBegin, cEnd, b.Bytes())
}

// cFake writes, for the native fake, what the functions do that it does not have itself.
func cFake(c *contract, old []byte) ([]byte, error) {
	empty, err := region(old, cBegin, cEnd, nil)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "/* %s\n\n   What is not above answers that it is unavailable. */\n\n", generatedNote)
	for _, f := range c.funcs() {
		if bytes.Contains(empty, []byte("\n"+strings.SplitAfter(cSignature(c, f), "(")[0])) {
			continue // written by hand, at the beginning of a line
		}
		var unused []string
		for _, p := range f.params {
			unused = append(unused, "(void)"+p.name+";")
			switch p.kind {
			case "text", "bytes":
				unused = append(unused, "(void)"+p.name+"_len;")
			case "buffer":
				unused = append(unused, "(void)"+p.name+"_cap;")
			}
		}
		result := "WEDGE_STATUS_UNAVAILABLE"
		if f.result == "i64" {
			result = "0"
		}
		fmt.Fprintf(&b, "%s { %s }\n", cSignature(c, f), strings.TrimSpace(strings.Join(unused, " ")+" return "+result+";"))
	}
	return region(old, cBegin, cEnd, b.Bytes())
}
