// Command jwt lets a request pass whose X-Token is a JWT, signed by HS256 and not expired, and answers 401 otherwise.
package main

import (
	"encoding/base64"
	"strconv"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

const key = "a key that is only for measuring"

//go:wasmexport on_request
func onRequest() int32 {
	return wedge.OnRequest(func(h *wedge.RequestHook) error {
		if good(h.Request.Header.Value("X-Token")) {
			return nil
		}
		_, err := h.Respond(401, "")
		return err
	})
}

func good(token string) bool {
	two := strings.LastIndexByte(token, '.')
	one := strings.IndexByte(token, '.')
	if one < 0 || one == two {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[two+1:])
	if err != nil {
		return false
	}
	code, err := wedge.SHA256.HMAC([]byte(key), []byte(token[:two]))
	if err != nil || !wedge.Equal(signature, code) {
		return false
	}
	head, err := base64.RawURLEncoding.DecodeString(token[:one])
	if err != nil || !strings.Contains(string(head), `"alg":"HS256"`) {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(token[one+1 : two])
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(payload), `"exp":`)
	end := strings.IndexFunc(after, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		return false
	}
	ends, err := strconv.ParseInt(after[:end], 10, 64)
	return err == nil && ends > wedge.Now().Unix()
}

func main() {} // never runs
