package config

import "path/filepath"

// A Remark is something to say about a configuration that is right: what it says has no effect, or another than it seems.
type Remark struct {
	// Path is that of the value, as in sites[0].cache.segment. If the file does not name it, the nearest thing around it is shown.
	Path          string
	Message, Hint string
}

// Remarks gives remarks the form of problems, with the place and the line of each. Name and data are those of which Parse made the
// configuration; of a file that it does not take the remarks have no place.
func Remarks(name string, data []byte, remarks []Remark) []Problem {
	s := newSource(name)
	d := newDecoder(s, filepath.Dir(name), nil)
	if text, ok := s.cleanText(data); ok {
		if root := s.readYAML(text); root != nil && len(s.problems) == 0 {
			d = newDecoder(s, filepath.Dir(name), root)
			c := Default()
			d.file(root, c)
			d.complete(c)
		}
	}
	s.problems, s.dropped = nil, 0
	for _, r := range remarks {
		s.complain(d.at(r.Path), r.Hint, "%s", r.Message)
	}
	if found, ok := s.errors().(Errors); ok {
		return found
	}
	return nil
}
