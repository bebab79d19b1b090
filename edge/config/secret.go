package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a value that the file only points at: exactly one of the two sources is named.
type Secret struct {
	// File that holds the value. One line break at its end is no part of it.
	File string `yaml:"file" rule:"path"`
	// Environment variable of the node that holds the value.
	Env string `yaml:"env"`

	// Value is what the source holds, once LoadSecrets has read it.
	Value SecretValue `yaml:"-"`
}

// SecretValue holds a secret and prints as [secret] whatever is done to print it. The zero value holds none.
//
// The text stands behind a pointer because package fmt does not ask a value how it wants to be printed where it cannot (in a field that
// is not exported) or thinks that the verb is wrong (%p): it then prints the parts of the value, and of a pointer only the address.
type SecretValue struct{ text *string }

// NewSecretValue holds text.
func NewSecretValue(text string) SecretValue { return SecretValue{&text} }

// Reveal returns the secret itself. What it returns must not be printed, logged or put into an error.
func (v SecretValue) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// Loaded reports whether there is a secret.
func (v SecretValue) Loaded() bool { return v.text != nil }

// Equal reports whether both hold the same.
func (v SecretValue) Equal(w SecretValue) bool {
	return v.Loaded() == w.Loaded() && v.Reveal() == w.Reveal()
}

const redacted = "[secret]"

func (SecretValue) String() string { return redacted }

// GoString is what %#v prints.
func (SecretValue) GoString() string { return redacted }

// Format is what every other verb prints.
func (SecretValue) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText is what encoders of text print, those of JSON, XML and YAML among them.
func (SecretValue) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON is what encoding/json prints.
func (SecretValue) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML is what encoders of YAML print.
func (SecretValue) MarshalYAML() (any, error) { return redacted, nil }

// LogValue is what package slog prints.
func (SecretValue) LogValue() slog.Value { return slog.StringValue(redacted) }
