package adapter

import (
	"fmt"
	"io"
)

// Secret is a value that is never printed: every verb of fmt and every encoder of text shows that it is one, and
// nothing else.
type Secret []byte

const hidden = "[secret]"

// Format satisfies fmt.Formatter, for all verbs: %d would print the bytes.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// MarshalText satisfies encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
