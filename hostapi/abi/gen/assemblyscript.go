package main

import (
	"bytes"
	"fmt"
	"strings"
)

// tsName is a parameter's name in AssemblyScript.
func tsName(s string) string {
	n := lowerCamel(s)
	if n == "function" {
		n += "_"
	}
	return n
}

// tsDoc writes a comment that editors show.
func tsDoc(b *bytes.Buffer, indent, text string) {
	var lines bytes.Buffer
	wrap(&lines, indent+" * ", text, 130)
	s := strings.TrimSuffix(lines.String(), "\n")
	if !strings.Contains(s, "\n") {
		fmt.Fprintf(b, "%s/** %s */\n", indent, strings.TrimPrefix(strings.TrimSpace(s), "* "))
		return
	}
	fmt.Fprintf(b, "%s/**\n%s\n%s */\n", indent, s, indent)
}

// assemblyScriptRaw writes the imports as AssemblyScript declares them.
func assemblyScriptRaw(c *contract) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// %s\n\n// The native ABI of Wedge as it is: what a module can import. The files beside this one make values of pointers and lengths.\n", generatedNote)
	for _, e := range c.enums {
		b.WriteByte('\n')
		tsDoc(&b, "", e.doc)
		fmt.Fprintf(&b, "export enum %s {\n", pascal(e.name))
		for _, m := range e.members {
			if m.doc != "" {
				tsDoc(&b, "  ", m.doc)
			}
			fmt.Fprintf(&b, "  %s = %d,\n", pascal(m.name), m.value)
		}
		b.WriteString("}\n")
	}
	for _, f := range c.funcs() {
		var ps []string
		for _, p := range f.params {
			n := tsName(p.name)
			switch p.kind {
			case "text", "bytes":
				ps = append(ps, n+": usize", n+"Length: i32")
			case "buffer":
				ps = append(ps, n+": usize", n+"Capacity: i32")
			case "out8", "out16":
				ps = append(ps, n+": usize")
			case "i64", "f64", "i32":
				ps = append(ps, n+": "+p.kind)
			default:
				ps = append(ps, n+": i32")
			}
		}
		result := "i32"
		if f.result == "i64" {
			result = "i64"
		}
		b.WriteByte('\n')
		tsDoc(&b, "", f.doc)
		fmt.Fprintf(&b, "// @ts-ignore: decorator\n@external(%q, %q)\nexport declare function %s(%s): %s;\n", c.module, f.name, lowerCamel(f.name), strings.Join(ps, ", "), result)
	}
	return b.Bytes(), nil
}
