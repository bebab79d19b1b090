package project

import (
	_ "embed"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// archived are the files of the SDKs that functions need. A test compares it with sdk/ and, told so by -rewrite, writes it.
//
//go:embed sdk.txtar
var archived string

// file is a file of an archive or of a project; its name has slashes.
type file struct{ name, text string }

// unpack reads an archive: a line "-- NAME --" before each file's text.
func unpack(text string) (files []file) {
	var body strings.Builder
	flush := func() {
		if len(files) > 0 {
			files[len(files)-1].text = body.String()
		}
		body.Reset()
	}
	for line := range strings.Lines(text) {
		if name, ok := marker(line); ok {
			flush()
			files = append(files, file{name: name})
			continue
		}
		body.WriteString(line)
	}
	flush()
	return files
}

func marker(line string) (name string, ok bool) {
	line = strings.TrimSuffix(line, "\n")
	if name, ok = strings.CutPrefix(line, "-- "); ok {
		name, ok = strings.CutSuffix(name, " --")
	}
	return name, ok
}

// pack is the opposite of unpack, for files whose text ends with a line end and has no markers.
func pack(files []file) string {
	var b strings.Builder
	for _, f := range files {
		b.WriteString("-- " + f.name + " --\n" + f.text)
	}
	return b.String()
}

// collect reads what the archive is to hold from the folder sdk: no tests, no documentation of the folder itself, nothing that tools write.
func collect(sdk fs.FS) (files []file, err error) {
	for _, l := range Languages() {
		if l.Handler() {
			continue
		}
		err := fs.WalkDir(sdk, l.folder(), func(name string, d fs.DirEntry, err error) error {
			base := path.Base(name)
			switch {
			case err != nil:
				return err
			case d.IsDir() && (base == "node_modules" || base == "target" || base == "readme" || base == "test" || base == "tests"):
				return fs.SkipDir
			case d.IsDir() || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_test.c") || base == "Cargo.lock" || strings.HasPrefix(base, "."):
				return nil
			}
			text, err := fs.ReadFile(sdk, name)
			files = append(files, file{name, string(text)})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// sdkFiles are the files of one SDK, with names below its folder.
func sdkFiles(l Language) (files []file) {
	for _, f := range unpack(archived) {
		if name, ok := strings.CutPrefix(f.name, l.folder()+"/"); ok {
			files = append(files, file{name, f.text})
		}
	}
	return files
}

// write puts files below a folder.
func write(dir string, files []file) error {
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(f.text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
