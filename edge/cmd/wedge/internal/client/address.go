package client

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// DefaultPort is where a node's operators' API listens unless its configuration says otherwise.
const DefaultPort = "9070"

// ParseAddress reads where a node is, as people write it, and returns the
// base of its URLs: "node.example", ":9070", "127.0.0.1:9070",
// "[::1]:9070", "https://node.example". Without a scheme it is http, and
// then without a port DefaultPort. A host that is missing, or that means
// every interface of a listener, is this machine.
func ParseAddress(s string) (string, error) {
	text, scheme := s, "http"
	if before, rest, ok := strings.Cut(s, "://"); ok {
		scheme, text = strings.ToLower(before), rest
		if scheme != "http" && scheme != "https" {
			return "", fmt.Errorf("node %q: the scheme is neither http nor https", s)
		}
	}
	text = strings.TrimSuffix(text, "/")
	host, port, err := splitHostPort(text)
	if err != nil {
		return "", fmt.Errorf("node %q: %w", s, err)
	}
	if port == "" && !strings.Contains(s, "://") {
		port = DefaultPort
	}
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", fmt.Errorf("node %q: %q is no port", s, port)
		} else {
			port = ":" + strconv.FormatUint(n, 10)
		}
	}
	u, err := url.Parse(scheme + "://" + host + port)
	if err != nil || u.Host != host+port || u.Hostname() == "" {
		return "", fmt.Errorf("node %q: %q is no host", s, host)
	}
	return scheme + "://" + host + port, nil
}

// splitHostPort takes an address apart. The host comes back as URLs write it.
func splitHostPort(text string) (host, port string, err error) {
	if ip, err := netip.ParseAddr(text); err == nil && ip.Is6() {
		text = "[" + text + "]" // an address without a port is meant, and readable as nothing else
	}
	host = text
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') {
		host, port = text[:i], text[i+1:]
		if port == "" {
			return "", "", errors.New("the port is missing")
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !ip.Is6() || ip.Zone() != "" || !strings.HasSuffix(host, "]") {
			return "", "", fmt.Errorf("%q is no address", host)
		}
		if ip.IsUnspecified() {
			ip = netip.IPv6Loopback()
		}
		return "[" + ip.String() + "]", port, nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() || host == "" && port != "" {
		return "127.0.0.1", port, nil
	}
	if host == "" {
		return "", "", errors.New("there is no host")
	}
	for _, c := range []byte(host) {
		if c != '.' && c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return "", "", fmt.Errorf("%q is no host", host)
		}
	}
	return strings.ToLower(host), port, nil
}
