package source

import (
	"strings"
	"unicode"
)

// fileName returns the path of a file of a unit, relative to where it was compiled if the tables say no more; empty if
// there is none.
func (t *lineTables) fileName(u *unit, file uint64) string {
	if u.version >= 5 {
		return t.fileName5(u, file)
	}
	// "include_directories (sequence of path names) ... file_names (sequence of file entries)", each ended by a zero byte; the
	// first file is number 1, and folder 0 is where the compiler ran.
	// https://dwarfstd.org/doc/DWARF4.pdf section 6.2.4
	c := cursor{b: u.tables}
	folders := c
	for !c.bad && c.text() != "" {
	}
	for n := uint64(1); !c.bad; n++ {
		name := c.text()
		folder := c.uint()
		c.uint() // time
		c.uint() // length
		if name == "" || n > file {
			break
		}
		if n < file {
			continue
		}
		for i := uint64(1); i < folder && !folders.bad; i++ {
			if folders.text() == "" {
				return clean(name)
			}
		}
		if folder == 0 {
			return clean(name)
		}
		return join(folders.text(), name)
	}
	return ""
}

// Content types and forms of the lists of version 5. https://dwarfstd.org/doc/DWARF5.pdf section 6.2.4.1
const (
	contentPath   = 1
	contentFolder = 2

	formData2   = 0x05
	formData4   = 0x06
	formData8   = 0x07
	formString  = 0x08
	formBlock   = 0x09
	formData1   = 0x0b
	formStrp    = 0x0e
	formUdata   = 0x0f
	formData16  = 0x1e
	formLineStr = 0x1f
)

func (t *lineTables) fileName5(u *unit, file uint64) string {
	c := cursor{b: u.tables}
	folders := c
	t.entry5(&c, u.wide, noEntry) // goes behind the folders
	name, folder, ok := t.entry5(&c, u.wide, file)
	if !ok {
		return ""
	}
	if dir, _, ok := t.entry5(&folders, u.wide, folder); ok && folder != 0 {
		return join(dir, name)
	}
	return clean(name)
}

const noEntry = 1<<64 - 1

// entry5 reads a list and returns its entry of that number.
func (t *lineTables) entry5(c *cursor, wide bool, wanted uint64) (path string, folder uint64, ok bool) {
	type column struct{ content, form uint64 }
	format := make([]column, c.u8())
	for i := range format {
		format[i] = column{c.uint(), c.uint()}
	}
	count := c.uint()
	if c.bad || len(format) == 0 && count > 0 || count > uint64(c.left()) { // each entry is at least a byte long
		c.fail()
		return "", 0, false
	}
	for n := range count {
		var name string
		var dir uint64
		for _, f := range format {
			s, v := t.value(c, f.form, wide)
			switch f.content {
			case contentPath:
				name = s
			case contentFolder:
				dir = v
			}
		}
		if c.bad {
			return "", 0, false
		}
		if n == wanted {
			path, folder, ok = name, dir, true
		}
	}
	return path, folder, ok
}

// value reads one field of an entry.
func (t *lineTables) value(c *cursor, form uint64, wide bool) (string, uint64) {
	offset := func(section []byte) string {
		at := c.offset(wide)
		if c.bad || at > uint64(len(section)) {
			return ""
		}
		q := cursor{b: section[at:min(uint64(len(section)), at+maxText+1)]}
		return q.text()
	}
	switch form {
	case formString:
		return c.text(), 0
	case formStrp:
		return offset(t.str), 0
	case formLineStr:
		return offset(t.lineStr), 0
	case formUdata:
		return "", c.uint()
	case formData1:
		return "", uint64(c.u8())
	case formData2:
		return "", uint64(c.u16())
	case formData4:
		return "", uint64(c.u32())
	case formData8:
		return "", c.u64()
	case formData16:
		c.take(16)
	case formBlock:
		n := c.uint()
		if n > uint64(c.left()) {
			n = uint64(c.left()) + 1
		}
		c.take(int(n))
	default:
		c.fail()
	}
	return "", 0
}

func join(dir, name string) string {
	if dir == "" || strings.HasPrefix(name, "/") {
		return clean(name)
	}
	return clean(strings.TrimSuffix(dir, "/") + "/" + name)
}

// clean leaves what may stand in a log and on a terminal.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "?")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
