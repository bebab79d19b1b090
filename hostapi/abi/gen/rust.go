package main

import (
	"bytes"
	"fmt"
	"strings"
)

// rustRaw writes the raw layer of the crate: safe functions over slices, which call the node in a guest and a Host elsewhere.
func rustRaw(c *contract) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `// %s

//! The native ABI of Wedge as functions: one for each that a guest can import, with slices in place of pointers and lengths, and
//! nothing else. In a guest they call the node; elsewhere they call the [`+"`Host`"+`] that [`+"`set_host`"+`] was given, so that functions can be
//! tested without a node.
//!
//! Results below zero are a [`+"`Status`"+`]. A result that is a length may be larger than the buffer: then nothing was written.

#![allow(clippy::too_many_arguments)]
`, generatedNote)
	for _, e := range c.enums {
		b.WriteByte('\n')
		wrap(&b, "/// ", e.doc, 140)
		base := "u32"
		if e.name == "status" {
			base = "i32"
		}
		fmt.Fprintf(&b, "#[derive(Clone, Copy, Debug, PartialEq, Eq)]\n#[repr(%s)]\npub enum %s {\n", base, pascal(e.name))
		for _, m := range e.members {
			doc := m.doc
			if doc == "" {
				doc = "`" + m.name + "`"
			}
			wrap(&b, "    /// ", doc, 140)
			fmt.Fprintf(&b, "    %s = %d,\n", pascal(m.name), m.value)
		}
		b.WriteString("}\n")
		if e.name != "status" {
			continue
		}
		fmt.Fprintf(&b, "\nimpl Status {\n    /// The status of a result, `None` for a result that is no failure and for a number that the contract does not have.\n    pub fn of(result: i32) -> Option<Status> {\n        match result {\n")
		for _, m := range e.members {
			if m.value < 0 {
				fmt.Fprintf(&b, "            %d => Some(Status::%s),\n", m.value, pascal(m.name))
			}
		}
		b.WriteString("            _ => None,\n        }\n    }\n}\n")
	}

	fmt.Fprintf(&b, "\n#[cfg(target_arch = \"wasm32\")]\nmod import {\n    #[link(wasm_import_module = %q)]\n    extern \"C\" {\n", c.module)
	for _, f := range c.funcs() {
		var ps []string
		for _, p := range f.params {
			switch p.kind {
			case "text", "bytes":
				ps = append(ps, p.name+": *const u8", p.name+"_len: usize")
			case "buffer":
				ps = append(ps, p.name+": *mut u8", p.name+"_cap: usize")
			case "out8":
				ps = append(ps, p.name+": *mut u64")
			case "out16":
				ps = append(ps, p.name+": *mut [u64; 2]")
			case "i64", "f64", "i32":
				ps = append(ps, p.name+": "+p.kind)
			case "handle":
				ps = append(ps, p.name+": i32")
			default:
				ps = append(ps, p.name+": u32")
			}
		}
		fmt.Fprintf(&b, "        pub fn %s(%s) -> %s;\n", f.name, strings.Join(ps, ", "), rustResult(f))
	}
	b.WriteString("    }\n}\n")

	for _, f := range c.funcs() {
		var args, names []string
		for _, p := range f.params {
			names = append(names, p.name)
			switch p.kind {
			case "text", "bytes":
				args = append(args, p.name+".as_ptr()", p.name+".len()")
			case "buffer":
				args = append(args, p.name+".as_mut_ptr()", p.name+".len()")
			case "out8", "out16", "i64", "f64", "i32", "handle":
				args = append(args, p.name)
			default:
				args = append(args, p.name+" as u32")
			}
		}
		b.WriteByte('\n')
		wrap(&b, "/// ", f.doc, 140)
		fmt.Fprintf(&b, "#[inline]\npub fn %s {\n", rustSignature(c, f, false))
		// The node writes within what it was given and keeps no pointer.
		fmt.Fprintf(&b, "    #[cfg(target_arch = \"wasm32\")]\n    unsafe {\n        import::%s(%s)\n    }\n", f.name, strings.Join(args, ", "))
		fmt.Fprintf(&b, "    #[cfg(not(target_arch = \"wasm32\"))]\n    host::with(|h| h.%s(%s))\n}\n", f.name, strings.Join(names, ", "))
	}

	b.WriteString(`
#[cfg(not(target_arch = "wasm32"))]
pub use host::{set_host, Host};

#[cfg(not(target_arch = "wasm32"))]
mod host {
    use super::*;
    use std::cell::RefCell;

    /// What stands behind the functions where there is no node. Each answers that it is unavailable unless the host has it.
    #[allow(unused_variables)]
    pub trait Host {
`)
	for _, f := range c.funcs() {
		result := "Status::Unavailable as i32"
		if f.result == "i64" {
			result = "0"
		}
		b.WriteString("        /// As the function of that name.\n")
		fmt.Fprintf(&b, "        fn %s {\n            %s\n        }\n", rustSignature(c, f, true), result)
	}
	b.WriteString(`    }

    std::thread_local! {
        static HOST: RefCell<Option<Box<dyn Host>>> = RefCell::new(None);
    }

    /// Makes a host the one of all calls of this thread from now on.
    pub fn set_host(host: Box<dyn Host>) {
        HOST.with(|h| *h.borrow_mut() = Some(host));
    }

    pub(super) fn with<R>(f: impl FnOnce(&mut dyn Host) -> R) -> R {
        HOST.with(|h| match h.borrow_mut().as_mut() {
            Some(host) => f(host.as_mut()),
            None => panic!("there is no node here: a test begins with wedge::fake::Node::new()"),
        })
    }
}
`)
	return b.Bytes(), nil
}

func rustSignature(c *contract, f fn, method bool) string {
	var ps []string
	if method {
		ps = append(ps, "&mut self")
	}
	for _, p := range f.params {
		t := map[string]string{"i32": "i32", "i64": "i64", "f64": "f64", "handle": "i32", "text": "&[u8]", "bytes": "&[u8]", "buffer": "&mut [u8]",
			"out8": "&mut u64", "out16": "&mut [u64; 2]"}[p.kind]
		if c.isEnum(p.kind) {
			t = pascal(p.kind)
		}
		ps = append(ps, p.name+": "+t)
	}
	return f.name + "(" + strings.Join(ps, ", ") + ") -> " + rustResult(f)
}

func rustResult(f fn) string {
	if f.result == "i64" {
		return "i64"
	}
	return "i32"
}
