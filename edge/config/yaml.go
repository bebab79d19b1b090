package config

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// MaxFile is the largest configuration that is read.
const MaxFile = 1 << 20

// What a file may hold beyond its size. The parser calls itself for each level, and aliases let a small file say much.
const (
	maxDepth   = 32    // brackets and braces within each other
	maxIndent  = 200   // columns before the first word of a line, or before a dash
	maxKeys    = 1000  // keys of one map that is not in braces: the parser's work grows with their square
	maxMarks   = 10000 // anchors and aliases
	maxAliased = 10000 // values that stand in the file once and are read again through an alias
)

const notYAML = "look at the line and the one before it for indentation, quotes, brackets and a space behind each colon"

// readYAML parses the file's bounded, valid text into a tree. It returns nil if the file is empty or if there was a problem.
func (s *source) readYAML(text string) ast.Node {
	tokens := tokenize(text)
	if tokens == nil && text != "" {
		s.complain(place{}, notYAML, "the text cannot be read as YAML")
		return nil
	}
	if !s.bounded(tokens) {
		return nil
	}
	file, err := parseTokens(tokens)
	if err != nil {
		s.syntax(err)
		return nil
	}
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			s.complain(nodePlace(doc.Body), "remove the line --- and what is not meant", "the file holds a second document")
			return nil
		}
		root = doc.Body
	}
	return root
}

// A panic of the YAML library would be one of a node that was only asked to look at a file. The text is a stranger's, the library too.
func tokenize(text string) (tokens token.Tokens) {
	defer func() {
		if recover() != nil {
			tokens = nil
		}
	}()
	tokens = lexer.Tokenize(text)
	if tokens == nil {
		tokens = token.Tokens{}
	}
	return tokens
}

func parseTokens(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			file, err = nil, complain("", "the reader of YAML gave up")
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// cleanText checks what can be checked without knowing YAML, and gives lines one ending.
func (s *source) cleanText(data []byte) (string, bool) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if len(data) > MaxFile {
		s.complain(place{}, "tables belong into a key-value store, long texts into the function", "the file is larger than %s", Size(MaxFile))
		return "", false
	}
	s.lines = strings.Split(string(data), "\n")
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == '\n':
			line, column = line+1, 0
		case r == utf8.RuneError && n == 1:
			s.complain(place{line, column, 1}, "save the file as UTF-8", "the byte 0x%02x is not UTF-8", data[i])
			return "", false
		case r < ' ' && r != '\t', r == 0x7f, r >= 0x80 && r < 0xa0 && r != 0x85, r == '\ufeff', r == 0xfffe || r == 0xffff:
			s.complain(place{line, column, 1}, "in double quotes it can be written as an escape", "the character %U does not belong into a text", r)
			return "", false
		}
		i += n
		column++
	}
	return string(data), true
}

// bounded refuses, before the parser sees it, what would take it long or make it call itself without end.
func (s *source) bounded(tokens token.Tokens) bool {
	depth, marks, line := 0, 0, 0
	var open openMaps
	for i, t := range tokens {
		at := tokenPlace(t)
		first := t.Position.Line != line
		line = t.Position.Line
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			if depth++; depth > maxDepth {
				s.complain(at, "no field needs more than a few levels", "brackets stand more than %d deep within each other", maxDepth)
				return false
			}
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.AnchorType, token.AliasType:
			if marks++; marks > maxMarks {
				s.complain(at, "write the values out", "the file has more than %d anchors and aliases", maxMarks)
				return false
			}
		case token.TagType:
			s.complain(at, "remove it; quotes make a text of a number", "tags as %s are not known here", quote(t.Value))
			return false
		case token.DirectiveType:
			s.complain(at, "remove the line", "directives are not known here")
			return false
		case token.MappingKeyType:
			s.complain(at, "write name: value", "a key behind a question mark is not known here")
			return false
		case token.SequenceEntryType:
			first = true
			open.dash(t.Position.Column)
		case token.MappingValueType:
			if depth == 0 && i > 0 && open.key(tokens[i-1].Position.Column) > maxKeys {
				s.complain(at, "no field needs so many", "a map has more than %d keys", maxKeys)
				return false
			}
		}
		if first && t.Position.Column > maxIndent {
			s.complain(at, "indent by two spaces", "the line is indented by more than %d columns", maxIndent)
			return false
		}
	}
	return true
}

// openMaps counts the keys of the maps that a line stands in, from the outermost to the innermost.
type openMaps []struct{ column, keys int }

// dash begins a new element of a list: maps to the right of the dash are at their end.
func (o *openMaps) dash(column int) {
	for n := len(*o); n > 0 && (*o)[n-1].column > column; n-- {
		*o = (*o)[:n-1]
	}
}

// key counts a key at this column and returns how many its map has by now.
func (o *openMaps) key(column int) int {
	o.dash(column)
	if n := len(*o); n > 0 && (*o)[n-1].column == column {
		(*o)[n-1].keys++
		return (*o)[n-1].keys
	}
	*o = append(*o, struct{ column, keys int }{column, 1})
	return 1
}

// syntax notes an error of the parser. The parser stops at the first.
func (s *source) syntax(err error) {
	e, ok := err.(yaml.Error)
	if !ok || e.GetToken() == nil {
		s.complain(place{}, notYAML, "the text cannot be read as YAML: %s", clip(err.Error()))
		return
	}
	at := tokenPlace(e.GetToken())
	// A line whose meaning is unknown may hold a secret that was written where a file's name belongs.
	if s.nearSecret(at.line) {
		s.hide(at)
	}
	if strings.Contains(e.GetMessage(), "character '\t'") {
		s.complain(at, "indent with spaces", "the line begins with a tab")
		return
	}
	s.complain(at, notYAML, "%s", e.GetMessage())
}

// nearSecret reports whether a line, or a line that it is indented under, speaks of secrets.
func (s *source) nearSecret(line int) bool {
	indent := 1 << 30
	for i := min(line, len(s.lines)); i > 0; i-- {
		text := s.lines[i-1]
		if n := len(text) - len(strings.TrimLeft(text, " -\t")); n < indent && strings.TrimSpace(text) != "" {
			indent = n
			if soundsSecret(text) {
				return true
			}
		}
	}
	return false
}

func soundsSecret(text string) bool {
	text = strings.ToLower(text)
	for _, word := range []string{"secret", "token", "passw", "credential", "key:"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

func tokenPlace(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	width := 1
	switch t.Type {
	case token.DoubleQuoteType, token.SingleQuoteType:
		width = utf8.RuneCountInString(strings.TrimSpace(t.Origin))
	case token.StringType, token.IntegerType, token.FloatType, token.BoolType, token.TagType:
		width = utf8.RuneCountInString(t.Value)
	}
	return place{t.Position.Line, max(t.Position.Column, 1), width}
}

// nodePlace is where a reader would say that the node begins.
func nodePlace(n ast.Node) place {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return nodePlace(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return nodePlace(n.Key)
	case *ast.AnchorNode:
		if n.Value != nil {
			return nodePlace(n.Value)
		}
	case *ast.LiteralNode:
		return tokenPlace(n.Start)
	}
	if n == nil {
		return place{}
	}
	return tokenPlace(n.GetToken())
}
