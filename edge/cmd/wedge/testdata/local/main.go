// A program for Fastly Compute without an SDK. With arguments it says what it finds in its world and exits with the
// code that the first one is; without, it answers with what its backend does.
package main

import (
	"fmt"
	"os"
	"strconv"
	"unsafe"
)

//go:wasmimport fastly_config_store open
func configOpen(name string, h *uint32) uint32

//go:wasmimport fastly_config_store get
func configGet(h uint32, key string, buf unsafe.Pointer, size uint32, n *uint32) uint32

//go:wasmimport fastly_secret_store open
func secretOpen(name string, h *uint32) uint32

//go:wasmimport fastly_secret_store get
func secretGet(h uint32, key string, s *uint32) uint32

//go:wasmimport fastly_secret_store plaintext
func secretText(s uint32, buf unsafe.Pointer, size uint32, n *uint32) uint32

//go:wasmimport fastly_object_store open
func kvOpen(name string, h *uint32) uint32

//go:wasmimport fastly_object_store lookup
func kvLookup(h uint32, key string, body *uint32) uint32

//go:wasmimport fastly_http_body read
func bodyRead(h uint32, buf unsafe.Pointer, size uint32, n *uint32) uint32

//go:wasmimport fastly_geo lookup
func geo(addr unsafe.Pointer, size uint32, buf unsafe.Pointer, most uint32, n *uint32) uint32

//go:wasmimport fastly_device_detection lookup
func device(agent string, buf unsafe.Pointer, most uint32, n *uint32) uint32

//go:wasmimport fastly_backend exists
func backendExists(name string, is *uint32) uint32

//go:wasmimport fastly_acl open
func aclOpen(name string, h *uint32) uint32

//go:wasmimport fastly_http_req body_downstream_get
func downstream(req, body *uint32) uint32

//go:wasmimport fastly_http_req send
func send(req, body uint32, backend string, resp, respBody *uint32) uint32

//go:wasmimport fastly_http_resp send_downstream
func answer(resp, body, streaming uint32) uint32

func must(what string, status uint32) {
	if status != 0 {
		fmt.Println(what, "status", status)
		os.Exit(99)
	}
}

func main() {
	if len(os.Args) > 1 {
		world()
	}
	var req, body, resp, respBody uint32
	must("downstream", downstream(&req, &body))
	must("send", send(req, body, "TheOrigin", &resp, &respBody))
	must("answer", answer(resp, respBody, 0))
}

func world() {
	var buf [4096]byte
	var h, v, n uint32
	text := func() string { return string(buf[:n]) }
	at, size := unsafe.Pointer(&buf), uint32(len(buf))
	fmt.Println("args", os.Args[1:], "host", os.Getenv("FASTLY_HOSTNAME"))
	for _, store := range []string{"Inline", "filed", "Old"} {
		must(store, configOpen(store, &h))
		must(store, configGet(h, "greeting", at, size, &n))
		fmt.Println("config", store, text())
	}
	for _, store := range []string{"KEYS", "more"} {
		must(store, secretOpen(store, &h))
		must(store, secretGet(h, "pepper", &v))
		must(store, secretText(v, at, size, &n))
		fmt.Printf("secret %s %q\n", store, text())
	}
	for _, key := range []string{"hello", "page"} {
		must("STORE ONE", kvOpen("STORE ONE", &h))
		must(key, kvLookup(h, key, &v))
		must(key, bodyRead(v, at, size, &n))
		fmt.Printf("kv %s %q\n", key, text())
	}
	addr := [4]byte{192, 0, 2, 7}
	must("geo", geo(unsafe.Pointer(&addr), 4, at, size, &n))
	fmt.Println("geo", text())
	must("device", device("Some Browser/1.0 (X)", at, size, &n))
	fmt.Println("device", text())
	must("backend", backendExists("TheOrigin", &v))
	must("backend", backendExists("theorigin", &n))
	fmt.Println("backends", v)
	must("acl", aclOpen("office", &h))
	fmt.Fprintln(os.Stderr, "to stderr")
	if os.Args[1] == "trap" {
		*(*int)(nil) = 1
	}
	code, _ := strconv.Atoi(os.Args[1])
	os.Exit(code)
}
