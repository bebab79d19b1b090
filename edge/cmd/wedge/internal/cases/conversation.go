package cases

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Conversation is what a function has to hold in a file of sections, each of which begins with a line "-- NAME --":
//
//	config, secrets, kv STORE    lines "name: value": what the function is given
//	counters                     lines "key in 1m: 3": what a sliding window of the function's counters holds at the beginning
//	origin                       how the origin answers from here on: status, fields, an empty line, body
//	at TIME                      what the clock shows from here on: 15:04, 15:04:05, 2026-01-02 or 2026-01-02 15:04:05, in UTC
//	after DURATION               the clock goes on by as much: 61s, 1h30m
//	request                      "METHOD URL", fields, an empty line, body
//	key                          what the request's cache key is made of; written by a run if it stands there
//	fuel at most N               a bound for what the function spent on the request; a run that spent more writes what it was
//	response                     what the client got; written by a run
//	origin got                   what the origin was asked, if it was, in the order of the texts; written by a run
//	log                          what the function logged; written by a run
//	kv STORE after               all that the store holds, if the request has changed it; written by a run
//	counters after               what the counters held that the function asked; written by a run
//
// What stands before the first section is for readers. The clock stands still but for "at" and "after": it shows 2026-01-01 00:00:00
// at the beginning, and is that of functions, cache, stores and counters.
type Conversation struct {
	about    string
	sections []section
}

type section struct {
	name, text string
	line       int
}

var (
	heading = regexp.MustCompile(`^-- ([a-z][a-z0-9 _.:-]*) --$`)
	pair    = regexp.MustCompile(`^([^:\s][^:]*): ?(.*)$`)
)

// isWritten tells of the sections that a run makes.
func isWritten(name string) bool {
	return name == "response" || name == "origin got" || name == "log" || name == "counters after" || storeAfter(name) != "" || isAsked(name)
}

// isAsked tells of those that it makes only where they stand already.
func isAsked(name string) bool { return name == "key" || strings.HasPrefix(name, fuelAtMost) }

const fuelAtMost = "fuel at most "

// storeOf is the store that a section fills, "" for every other section.
func storeOf(name string) string {
	store, is := strings.CutPrefix(name, "kv ")
	if !is || strings.Contains(store, " ") {
		return ""
	}
	return store
}

// storeAfter is the store whose entries a section tells.
func storeAfter(name string) string {
	if before, is := strings.CutSuffix(name, " after"); is {
		return storeOf(before)
	}
	return ""
}

// known are the names for people who have written another.
const known = "config, secrets, kv STORE, counters, origin, at TIME, after DURATION, request, response, origin got, log, key, fuel at most N, kv STORE after, counters after"

// Parse reads a conversation. An error names the line.
func Parse(text string) (*Conversation, error) {
	c := &Conversation{}
	n, requests := 0, 0
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		n++
		m := heading.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			if len(c.sections) == 0 {
				c.about += line
			} else {
				c.sections[len(c.sections)-1].text += line
			}
			continue
		}
		given := slices.Contains([]string{"config", "secrets", "counters"}, m[1]) || storeOf(m[1]) != ""
		switch {
		case m[1] == "request":
			requests++
		case m[1] == "origin", isTime(m[1]):
		case given && requests > 0:
			return nil, fmt.Errorf("line %d: %q stands behind a request: what the function is given comes first", n, m[1])
		case given:
		case isWritten(m[1]):
			if requests == 0 {
				return nil, fmt.Errorf("line %d: %q belongs to no request", n, m[1])
			}
		default:
			return nil, fmt.Errorf("line %d: no section is called %q: %s", n, m[1], known)
		}
		c.sections = append(c.sections, section{m[1], "", n})
	}
	if requests == 0 {
		return nil, fmt.Errorf("line %d: there is no section request", n)
	}
	return c, c.check()
}

func (c *Conversation) check() error {
	now, began := dawn, false
	for _, s := range c.sections {
		var err error
		switch {
		case s.name == "request":
			began = true
			_, err = readRequest(s.text)
		case isTime(s.name):
			if now, err = timeAfter(now, s.name, began); err == nil && strings.TrimSpace(s.text) != "" {
				err = fmt.Errorf("nothing stands in this section, got %q", s.text)
			}
		case s.name == "counters":
			_, err = readCounters(s.text)
		case strings.HasPrefix(s.name, fuelAtMost):
			_, err = fuelBound(s.name)
		case s.name == "origin":
			_, err = readAnswer(s.text)
		case !isWritten(s.name):
			_, err = pairs(s.text)
		}
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", s.line, s.name, err)
		}
	}
	return nil
}

// String is the text.
func (c *Conversation) String() string {
	var b strings.Builder
	b.WriteString(c.about)
	for _, s := range c.sections {
		fmt.Fprintf(&b, "-- %s --\n%s", s.name, s.text)
	}
	return b.String()
}

type field struct{ name, value string }

func pairs(text string) (list []field, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		m := pair.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("want name: value, got %q", line)
		}
		list = append(list, field{m[1], m[2]})
	}
	return list, nil
}

// message is the text of a request or an answer, whose first line differs.
type message struct {
	first  string
	fields []field
	body   string
}

func readMessage(text string) (m message, err error) {
	head, body, _ := strings.Cut(text, "\n\n")
	m.first, head, _ = strings.Cut(strings.TrimSuffix(head, "\n"), "\n")
	m.body = strings.TrimSuffix(body, "\n")
	m.fields, err = pairs(head)
	return m, err
}

type request struct {
	message
	method string
	url    *url.URL
}

func readRequest(text string) (r request, err error) {
	if r.message, err = readMessage(text); err != nil {
		return r, err
	}
	method, target, _ := strings.Cut(r.first, " ")
	r.method = method
	if r.url, err = url.Parse(target); err != nil || r.url.Host == "" || r.url.Scheme != "http" && r.url.Scheme != "https" || method == "" || strings.ContainsAny(r.first, "\t\r") {
		return r, fmt.Errorf("want METHOD URL, such as GET https://shop.example/, got %q", r.first)
	}
	if strings.Contains(target, " ") {
		return r, fmt.Errorf("the URL %q has a space", target)
	}
	return r, nil
}

type answer struct {
	message
	status int
}

func readAnswer(text string) (a answer, err error) {
	if a.message, err = readMessage(text); err != nil {
		return a, err
	}
	if _, err := fmt.Sscanf(a.first, "%d", &a.status); err != nil || a.status < 200 || a.status > 599 {
		return a, fmt.Errorf("want a status from 200 to 599 in the first line, got %q", a.first)
	}
	return a, nil
}

// mostCells bounds the table by which lines are compared, which holds each pair of them: 16 MiB.
const mostCells = 4 << 20

// Difference is the two texts line by line, where they differ: "" if they do not.
func Difference(want, got string) string {
	if want == got {
		return ""
	}
	a, b := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	type edit struct {
		mark byte
		line string
	}
	var edits []edit
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		edits = append(edits, edit{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	fits := func() bool { return len(a) <= mostCells/(len(b)+1) }
	same, large := 0, !fits()
	for large && same < min(len(a), len(b)) && a[len(a)-1-same] == b[len(b)-1-same] {
		same++
	}
	behind := a[len(a)-same:]
	a, b = a[:len(a)-same], b[:len(b)-same]
	// Between what is the same, the longest common subsequence; or, where that would take too much, all lines of the one
	// and then all of the other.
	var longest [][]int32
	if fits() {
		longest = make([][]int32, len(a)+1)
		for i := range longest {
			longest[i] = make([]int32, len(b)+1)
		}
		for i := len(a) - 1; i >= 0; i-- {
			for k := len(b) - 1; k >= 0; k-- {
				if longest[i][k] = max(longest[i+1][k], longest[i][k+1]); a[i] == b[k] {
					longest[i][k] = longest[i+1][k+1] + 1
				}
			}
		}
	}
	i, k := 0, 0
	for i < len(a) || k < len(b) {
		switch {
		case longest != nil && i < len(a) && k < len(b) && a[i] == b[k]:
			edits = append(edits, edit{' ', a[i]})
			i, k = i+1, k+1
		case k == len(b) || i < len(a) && (longest == nil || longest[i+1][k] >= longest[i][k+1]):
			edits = append(edits, edit{'-', a[i]})
			i++
		default:
			edits = append(edits, edit{'+', b[k]})
			k++
		}
	}
	for _, line := range behind {
		edits = append(edits, edit{' ', line})
	}
	const around = 3
	var out strings.Builder
	shown := -1
	for n, e := range edits {
		near := false
		for m := max(0, n-around); m <= min(len(edits)-1, n+around); m++ {
			near = near || edits[m].mark != ' '
		}
		if !near || e.line == "" {
			continue
		}
		if n > shown+1 && shown >= 0 {
			out.WriteString("...\n")
		}
		shown = n
		out.WriteString(string(e.mark) + " " + strings.TrimSuffix(e.line, "\n") + "\n")
	}
	return out.String()
}
