package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// A configFile is the file that holds the configuration, as it was found.
type configFile struct {
	path string // without symbolic links
	mode os.FileMode
	text []byte
}

// readConfigFile reads the file. A link is followed, so that what it points at
// is replaced and not the link.
func readConfigFile(path string) (*configFile, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return &configFile{path, info.Mode().Perm(), text}, nil
}

// etag names the file's text.
func (f *configFile) etag() string {
	sum := sha256.Sum256(f.text)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// kept is where the text of before stays.
func (f *configFile) kept() string { return f.path + ".1" }

// replace puts a new text into the file, keeping the old one beside it.
// Whoever reads the file meanwhile, or after the end of the process at any
// moment, finds the old text or the new one.
func (f *configFile) replace(text []byte) error {
	if err := writeFile(f.kept(), f.text, f.mode); err != nil {
		return fmt.Errorf("keep the configuration: %w", err)
	}
	if err := writeFile(f.path, text, f.mode); err != nil {
		return fmt.Errorf("replace the configuration: %w", err)
	}
	return nil
}

// restore puts the old text back.
func (f *configFile) restore() error {
	if err := writeFile(f.path, f.text, f.mode); err != nil {
		return fmt.Errorf("put the configuration back: %w: it is in %s", err, f.kept())
	}
	return nil
}

// writeFile puts a file in place in one step, synced.
func writeFile(path string, text []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".wedge-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails once it has been renamed
	defer tmp.Close()           // fails once it has been closed
	if err := tmp.Chmod(mode); err != nil {
		return err
	}
	if _, err := tmp.Write(text); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncFolder(path)
}
