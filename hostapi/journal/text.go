package journal

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Text is any bytes. In the file it is a string if it is UTF-8, else an object with the bytes in base64.
type Text string

// MarshalJSON satisfies json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString([]byte(t))})
}

// UnmarshalJSON satisfies json.Unmarshaler.
func (t *Text) UnmarshalJSON(b []byte) error {
	var s string
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = Text(s)
		return nil
	}
	var o struct {
		Base64 *string `json:"base64"`
	}
	if err := json.Unmarshal(b, &o); err != nil {
		return err
	}
	if o.Base64 == nil {
		return fmt.Errorf("journal: neither a string nor base64")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(*o.Base64)
	if err != nil {
		return err
	}
	*t = Text(raw)
	return nil
}

// texts copies strings, whose memory may be an exchange's.
func texts(list ...string) []Text {
	out := make([]Text, len(list))
	for i, s := range list {
		out[i] = Text(strings.Clone(s))
	}
	return out
}
