package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// An operator uses the node's API as "wedge kv" and its siblings do.
type operator struct {
	client *http.Client
	base   string // http://host:port
	token  string
}

// do sends a request, and returns what was answered if its status is a good one.
func (o *operator) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, o.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+o.token)
	switch {
	case strings.HasPrefix(path, "/v1/functions/") && method == http.MethodPut:
		r.Header.Set("Content-Type", "application/wasm")
	case strings.HasPrefix(path, "/v1/kv/"):
		r.Header.Set("Content-Type", "application/octet-stream")
	default:
		r.Header.Set("Content-Type", "application/json")
	}
	w, err := o.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(w.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if w.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, w.Status, bytes.TrimSpace(answer))
	}
	return answer, nil
}

func value(store, key string) string { return "/v1/kv/" + store + "/value?key=" + url.QueryEscape(key) }

func (o *operator) put(ctx context.Context, store, key, text string) error {
	_, err := o.do(ctx, http.MethodPut, value(store, key), []byte(text))
	return err
}

func (o *operator) delete(ctx context.Context, store, key string) error {
	_, err := o.do(ctx, http.MethodDelete, value(store, key), nil)
	return err
}

func (o *operator) purgeTag(ctx context.Context, tag string) error {
	body, err := json.Marshal(map[string]string{"tag": tag})
	if err != nil {
		return err
	}
	_, err = o.do(ctx, http.MethodPost, "/v1/purge", body)
	return err
}

func (o *operator) deploy(ctx context.Context, name string, wasm []byte) error {
	_, err := o.do(ctx, http.MethodPut, "/v1/functions/"+name, wasm)
	return err
}

func (o *operator) undeploy(ctx context.Context, name string) error {
	_, err := o.do(ctx, http.MethodDelete, "/v1/functions/"+name, nil)
	return err
}
