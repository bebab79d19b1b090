package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Host is a host that a site answers: a name in lower case and in ASCII, an address (IPv6 in brackets), "*." before a name for
// everything below the name but not the name itself, or "*" for every host that no site names.
type Host string

// UnmarshalText accepts a host and turns it into its canonical form.
func (h *Host) UnmarshalText(text []byte) error {
	t := string(text)
	if t == "*" {
		*h = "*"
		return nil
	}
	name, wild := strings.CutPrefix(t, "*.")
	if strings.Contains(name, "*") {
		return complain("*.shop.example stands for everything below shop.example, * alone for every other host", "the host %s has a * that is not its first label", quote(t))
	}
	canonical, err := canonicalHost(name)
	if err != nil {
		return err
	}
	if wild {
		if _, err := netip.ParseAddr(strings.Trim(canonical, "[]")); err == nil {
			return complain("write the address alone, or a name behind the *", "the host %s puts a * before an address", quote(t))
		}
		canonical = "*." + canonical
	}
	*h = Host(canonical)
	return nil
}

// Pattern is what JSON Schema can say of the form.
func (Host) Pattern() string { return `^(\*|(\*\.)?[^\s*/:@]+|\[[0-9a-fA-F:.]+\])$` }

// canonicalHost turns a name or an address into the form in which hosts are compared.
func canonicalHost(t string) (string, error) {
	if inner, ok := strings.CutPrefix(t, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if a, err := netip.ParseAddr(inner); ok && err == nil && a.Is6() && a.Zone() == "" {
			return "[" + a.String() + "]", nil
		}
		return "", complain("write it as [2001:db8::1]", "%s is not an IPv6 address in brackets", quote(t))
	}
	if a, err := netip.ParseAddr(t); err == nil && a.Is6() {
		return "", complain("write "+quote("["+t+"]"), "the IPv6 address %s needs brackets", quote(t))
	}
	if strings.Contains(t, "/") {
		return "", complain("write the name of the host only; paths stand under routes", "%s is not a host", quote(t))
	}
	if name, port, ok := strings.Cut(t, ":"); ok {
		if _, number := wholeNumber(port); number {
			return "", complain("write "+quote(name)+"; ports stand under listen", "the host %s has a port", quote(t))
		}
		return "", complain("write a name as shop.example, without a port", "%s is not a host", quote(t))
	}
	if strings.HasSuffix(t, ".") {
		return "", complain("write "+quote(strings.TrimRight(t, ".")), "the host %s ends with a dot", quote(t))
	}
	// Host names of machines may hold '_' although those of the DNS proper may not, so the strict rules of STD 3 are off and the
	// characters are checked below.
	ascii, err := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true), idna.StrictDomainName(false)).ToASCII(t)
	if err == nil && validName(ascii) {
		return ascii, nil
	}
	return "", complain("a host is a name as shop.example or an address; letters beyond ASCII are fine if IDNA allows them", "%s is not a host", quote(t))
}

func validName(t string) bool {
	if t == "" || len(t) > 253 {
		return false
	}
	for label := range strings.SplitSeq(t, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

// OriginHost is the Host field that an origin's servers see: KeepHost, or a host.
type OriginHost string

// KeepHost sends the client's host to the origin.
const KeepHost OriginHost = "keep"

// UnmarshalText accepts keep or a host with an optional port.
func (h *OriginHost) UnmarshalText(text []byte) error {
	t := string(text)
	if t == string(KeepHost) {
		*h = KeepHost
		return nil
	}
	canonical, err := hostPort(t)
	if err != nil {
		return err
	}
	*h = OriginHost(canonical)
	return nil
}

// Pattern is what JSON Schema can say of the form.
func (OriginHost) Pattern() string { return `^[^\s*/@]+$` }

// hostPort makes a host with an optional port canonical.
func hostPort(t string) (string, error) {
	if i := strings.LastIndexByte(t, ':'); i >= 0 && !strings.HasSuffix(t, "]") && (t[0] == '[' || strings.Count(t, ":") == 1) {
		if n, ok := wholeNumber(t[i+1:]); !ok || n < 1 || n > 65535 {
			return "", complain("a port is a number from 1 to 65535", "%s is not a port", quote(t[i+1:]))
		}
		host, err := canonicalHost(t[:i])
		return host + t[i:], err
	}
	return canonicalHost(t)
}

// BaseURL is the place of a server: http or https, a host, perhaps a port. It has no path.
type BaseURL string

// UnmarshalText accepts such a URL and turns it into its canonical form.
func (u *BaseURL) UnmarshalText(text []byte) error {
	t := string(text)
	parsed, err := url.Parse(t)
	if err != nil && !strings.Contains(t, "@") && !strings.Contains(t, "://") { // 127.0.0.1:9000, to which a URL's grammar objects by itself
		return complain("write "+quote("http://"+t), "the URL %s has no scheme", quote(t))
	}
	if err != nil || parsed.User != nil || strings.Contains(t, "@") {
		c := complain("credentials belong into a function's secrets, the URL is http://host:port or https://host:port", "the URL holds a user or is none")
		c.private = true // what stands before the @ may be a password: the line is not shown
		return c
	}
	switch {
	case parsed.Scheme != "http" && parsed.Scheme != "https" && !strings.Contains(t, "://"):
		return complain("write "+quote("http://"+t), "the URL %s has no scheme", quote(t))
	case parsed.Scheme != "http" && parsed.Scheme != "https":
		return complain("http and https are known", "the URL %s has the unknown scheme %s", quote(t), quote(parsed.Scheme))
	case strings.Trim(parsed.EscapedPath(), "/") != "" || parsed.RawQuery != "" || parsed.Fragment != "" || strings.ContainsAny(t, "?#"):
		return complain("write "+quote(parsed.Scheme+"://"+parsed.Host), "the URL %s has more than scheme, host and port", quote(t))
	case parsed.Host == "":
		return complain("write "+quote(parsed.Scheme+"://127.0.0.1:9000")+" or the like", "the URL %s has no host", quote(t))
	}
	host, err := hostPort(parsed.Host)
	if err != nil {
		return err
	}
	*u = BaseURL(parsed.Scheme + "://" + host)
	return nil
}

// Pattern is what JSON Schema can say of the form.
func (BaseURL) Pattern() string { return `^[hH][tT][tT][pP][sS]?://[^/?#@\s]+/*$` }

// Address is where a listener stands: host:port or :port. Port 0 is any free one.
type Address string

// UnmarshalText accepts such an address.
func (a *Address) UnmarshalText(text []byte) error {
	t := string(text)
	host, port, err := net.SplitHostPort(t)
	if err != nil {
		hint := "write host:port, or :port for all interfaces"
		if _, ok := wholeNumber(t); ok {
			hint = "write " + quote(":"+t)
		}
		return complain(hint, "%s is not an address to listen on", quote(t))
	}
	if n, ok := wholeNumber(port); !ok || n > 65535 {
		return complain("a port is a number from 0 to 65535, 0 takes any free one", "%s is not a port", quote(port))
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		if host, err = canonicalHost(host); err != nil {
			return err
		}
	}
	*a = Address(net.JoinHostPort(host, port))
	return nil
}

// Port is the port of the address.
func (a Address) Port() int {
	_, port, _ := net.SplitHostPort(string(a))
	n, _ := strconv.Atoi(port)
	return n
}

// Loopback reports whether the address can be reached from this machine only.
func (a Address) Loopback() bool {
	host, _, _ := net.SplitHostPort(string(a))
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Pattern is what JSON Schema can say of the form.
func (Address) Pattern() string { return `^.*:(0|[1-9][0-9]*)$` }
