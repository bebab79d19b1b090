package place

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Place is what is known of an address; an empty field is not known.
type Place struct {
	Country string // two letters (ISO 3166-1), in capitals
	Region  string // the first subdivision's code (ISO 3166-2, without the country)
	City    string // in English
	ASN     uint32 // the autonomous system's number
}

// Places are database files. They are in memory, not mapped: whoever copies a new file over a mapped one takes the pages
// from under the reader, and the process with them.
//
// It does not change, and any number of goroutines may use it. Nil knows no place.
type Places struct{ files []*maxminddb.Reader }

// maxFile bounds a file, so that a wrong path does not read a disk into memory. The largest that MaxMind sells has
// some 150 MiB.
const maxFile = 1 << 30

// Open reads database files. An error names the file.
func Open(files []string) (*Places, error) {
	if len(files) == 0 {
		return nil, nil
	}
	p := &Places{}
	var wrong []error
	for _, name := range files {
		r, err := open(name)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("places: %w", err))
			continue
		}
		p.files = append(p.files, r)
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return p, nil
}

func open(name string) (*maxminddb.Reader, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err // it names the file
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is no file of at most %d MiB", name, maxFile>>20)
	}
	text := make([]byte, info.Size())
	if _, err := io.ReadFull(f, text); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return parse(name, text)
}

// parse reads the text of a file, which stays its own.
func parse(name string, text []byte) (*maxminddb.Reader, error) {
	r, err := maxminddb.OpenBytes(text)
	if err != nil {
		return nil, fmt.Errorf("%s is no database in MaxMind's format: %w", name, err)
	}
	return r, nil
}

// Place is what the files know of an address together: of what several tell, the first one's word holds. What is
// damaged in a file is not known.
func (p *Places) Place(a netip.Addr) (found Place, known bool) {
	if p == nil || !a.IsValid() {
		return Place{}, false
	}
	a = a.Unmap()
	for _, f := range p.files {
		r := f.Lookup(a)
		if !r.Found() {
			continue
		}
		fill(r, &found.Country, countries)
		fill(r, &found.Region, regions)
		fill(r, &found.City, cities)
		fill(r, &found.ASN, systems)
	}
	return found, found != Place{}
}

// Where files keep what interests us, each place before the next. MaxMind's have maps within maps, and names in many
// languages; others have texts at the top.
var (
	countries = [][]any{{"country", "iso_code"}, {"country_code"}, {"country"}}
	regions   = [][]any{{"subdivisions", 0, "iso_code"}}
	cities    = [][]any{{"city", "names", "en"}, {"city"}}
	systems   = [][]any{{"autonomous_system_number"}}
)

// fill puts what is found first into to, unless something is there.
func fill[T comparable](r maxminddb.Result, to *T, paths [][]any) {
	var none T
	for _, path := range paths {
		if *to != none {
			return
		}
		var v T
		if r.DecodePath(&v, path...) == nil { // it is of another kind, or damaged
			*to = v
		}
	}
}
