package proxywasm

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// dotted is a property's path in one form: Envoy's has NULs between its parts, FastEdge's has dots.
func dotted(path string) string {
	return strings.ReplaceAll(strings.TrimRight(path, "\x00"), "\x00", ".")
}

func getProperty(s *session, a []uint64) status {
	path, valid := s.text(a, 0)
	if !valid {
		return invalidMemory
	}
	v, known := s.property(dotted(path))
	if !known {
		return notFound
	}
	return s.give(a, 2, v)
}

// number is a number as Envoy writes it: 8 bytes, little-endian.
func number(v int64) (string, bool) {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(v))), true
}

func text(v string) (string, bool) { return v, v != "" }

// property is a value by its dotted path.
func (s *session) property(path string) (string, bool) {
	switch path {
	case "plugin_name":
		return text(s.b.o.Name)
	case "plugin_root_id":
		return s.b.root, true
	case "plugin_vm_id":
		return s.b.vmID, true
	}
	if v, set := s.custom[path]; set {
		return v, true
	}
	x := s.stage.X
	if x == nil {
		return "", false
	}
	area, rest, _ := strings.Cut(path, ".")
	switch area {
	case "request":
		return s.requestProperty(x, rest)
	case "response":
		return s.responseProperty(x, rest)
	case "source", "destination":
		if what, is := region(rest); is && area == "source" {
			return s.place(x, what)
		}
		return address(x, area, rest)
	case "connection":
		return connection(x, rest)
	case "upstream", "cluster_name":
		if path == "cluster_name" || path == "upstream.name" {
			return text(x.Choices.Origin)
		}
	case "route_name", "route":
		return text(x.Route)
	case "wedge":
		return wedge(x, rest)
	case "listener_direction":
		return number(1) // inbound
	}
	return "", false
}

func (s *session) requestProperty(x *exchange.Exchange, name string) (string, bool) {
	r := &x.Request
	if field, is := strings.CutPrefix(name, "headers."); is {
		v, known := r.Header.Named(field)
		return v, known
	}
	switch name {
	case "path", "uri":
		return r.URI(), true
	case "url_path":
		return r.Path, true
	case "query":
		return r.Query, true
	case "host":
		return r.Host, true
	case "scheme":
		return r.Scheme, true
	case "method":
		return r.Method, true
	case "url":
		return r.Scheme + "://" + r.Host + r.URI(), true
	case "extension":
		if i := strings.LastIndexByte(r.Path, '.'); i > strings.LastIndexByte(r.Path, '/') {
			return text(r.Path[i+1:])
		}
	case "referer":
		return text(r.Header.Value(exchange.Referer))
	case "useragent":
		return text(r.Header.Value(exchange.UserAgent))
	case "id":
		return x.ID.String(), true
	case "protocol":
		return text(protocol(r.Proto))
	case "time":
		return number(x.Now.UnixNano())
	case "duration":
		return number(int64(time.Since(x.Now)))
	case "size":
		return number(max(r.ContentLength, 0))
	case "total_size":
		return number(max(r.ContentLength, 0) + int64(r.Header.Size()))
	case "x_real_ip":
		return text(x.Client.Addr.Unmap().String())
	case "country", "region", "city", "asn":
		return s.place(x, name)
	}
	if what, is := region(name); is {
		return s.place(x, what)
	}
	if geo, is := strings.CutPrefix(name, "geo."); is {
		return s.place(x, geo)
	}
	return "", false
}

// protocol is "HTTP/1.1" and the like.
func protocol(p exchange.Proto) string {
	switch p {
	case exchange.HTTP10:
		return "HTTP/1.0"
	case exchange.HTTP11:
		return "HTTP/1.1"
	case exchange.HTTP2:
		return "HTTP/2"
	case exchange.HTTP3:
		return "HTTP/3"
	}
	return ""
}

// region is what Google's load balancers call a client's place, below source and below request.
func region(name string) (what string, is bool) {
	switch name {
	case "client_region":
		return "country", true
	case "client_region_subdivision":
		return "region", true
	case "client_city":
		return "city", true
	}
	return "", false
}

func (s *session) place(x *exchange.Exchange, what string) (string, bool) {
	places := s.b.o.Services.Places
	if places == nil {
		return "", false
	}
	p, known := places.Place(x.Client.Addr)
	if !known {
		return "", false
	}
	switch what {
	case "country":
		return text(p.Country)
	case "region":
		return text(p.Region)
	case "city":
		return text(p.City)
	case "asn":
		return strconv.FormatUint(uint64(p.ASN), 10), p.ASN != 0
	}
	return "", false
}

func (s *session) responseProperty(x *exchange.Exchange, name string) (string, bool) {
	r := &x.Response
	if s.stream == 0 {
		return "", false
	}
	if field, is := strings.CutPrefix(name, "headers."); is {
		return r.Header.Named(field)
	}
	if field, is := strings.CutPrefix(name, "trailers."); is && r.Trailer != nil {
		return r.Trailer.Named(field)
	}
	switch name {
	case "code":
		return number(int64(r.Status))
	case "status":
		return strconv.Itoa(r.Status), true
	case "code_details":
		return text(x.Outcome.String())
	case "flags":
		return number(0)
	case "size":
		return number(max(r.ContentLength, 0))
	case "total_size":
		return number(max(r.ContentLength, 0) + int64(r.Header.Size()))
	}
	return "", false
}

func address(x *exchange.Exchange, which, name string) (string, bool) {
	if which != "source" || !x.Client.Addr.IsValid() {
		return "", false
	}
	switch name {
	case "address":
		return netip.AddrPortFrom(x.Client.Addr.Unmap(), x.Client.Port).String(), true
	case "port":
		return number(int64(x.Client.Port))
	}
	return "", false
}

func connection(x *exchange.Exchange, name string) (string, bool) {
	t := x.Client.TLS
	if name == "mtls" {
		return string([]byte{byte(flag(t != nil && t.ClientCertificate != nil))}), true
	}
	if name == "id" {
		return number(int64(binary.LittleEndian.Uint64(append(x.ID[:min(8, len(x.ID))], make([]byte, 8)...)[:8]) >> 1))
	}
	if t == nil {
		return "", false
	}
	switch name {
	case "tls_version":
		return strings.Replace(tls.VersionName(t.Version), "TLS 1.", "TLSv1.", 1), true
	case "requested_server_name":
		return text(t.ServerName)
	}
	if t.ClientCertificate == nil {
		return "", false
	}
	if name == "sha256_peer_certificate_digest" {
		sum := sha256.Sum256(t.ClientCertificate)
		return hex.EncodeToString(sum[:]), true
	}
	c, err := x509.ParseCertificate(t.ClientCertificate)
	if err != nil {
		return "", false
	}
	switch {
	case name == "subject_peer_certificate":
		return c.Subject.String(), true
	case name == "dns_san_peer_certificate" && len(c.DNSNames) > 0:
		return c.DNSNames[0], true
	case name == "uri_san_peer_certificate" && len(c.URIs) > 0:
		return c.URIs[0].String(), true
	}
	return "", false
}

func wedge(x *exchange.Exchange, name string) (string, bool) {
	k := &x.Choices
	switch {
	case name == "cache_key" && k.Key.HasReplace:
		return k.Key.Replace, true
	case name == "cache_ttl" && k.TTL.Set:
		return strconv.FormatInt(int64(k.TTL.Value/time.Second), 10), true
	case name == "cache_tags" && len(k.Tags) > 0:
		return strings.Join(k.Tags, ","), true
	case name == "cache_outcome" && x.Outcome != exchange.OutcomeNone:
		return x.Outcome.String(), true
	}
	return "", false
}

// Bounds of what a stream keeps under paths of its own, and of tags.
const (
	mostCustom = 64 << 10
	mostTags   = 128
	longestTag = 256
)

func setProperty(s *session, a []uint64) status {
	path, valid := s.text(a, 0)
	value, valid2 := s.text(a, 2)
	if !valid || !valid2 {
		return invalidMemory
	}
	path = dotted(path)
	x := s.stage.X
	request := x != nil && s.in && s.stream == 0
	switch path {
	case "wedge.cache_key", "wedge.cache_ttl", "wedge.cache_tags":
		if !request {
			s.b.denied.Add(1)
			return badArgument // the response is found, or stored, already
		}
		return s.cacheProperty(x, path, value)
	case "plugin_name", "plugin_root_id", "plugin_vm_id":
		return badArgument
	case "request.path", "request.uri", "request.host", "request.method", "request.query", "request.url":
		if !request {
			return badArgument
		}
		return statusOf(s.setRequest(strings.TrimPrefix(path, "request."), value))
	}
	old, set := s.custom[path]
	n := len(value) - len(old)
	if !set {
		n += len(path)
	}
	if s.kept+n > mostCustom {
		return internalFailure
	}
	if s.custom == nil {
		s.custom = map[string]string{}
	}
	s.kept += n
	s.custom[strings.Clone(path)] = strings.Clone(value)
	return ok
}

func (s *session) setRequest(what, value string) error {
	r := &s.stage.X.Request
	switch what {
	case "host":
		return s.stage.SetHost(value)
	case "method":
		return s.stage.SetMethod(value)
	case "query":
		if value == "" {
			return s.stage.SetURI(r.Path)
		}
		return s.stage.SetURI(r.Path + "?" + value)
	case "url":
		_, rest, found := strings.Cut(value, "://")
		host, path, slash := strings.Cut(rest, "/")
		if !found || !slash {
			return fmt.Errorf("no URL")
		}
		if err := s.stage.SetHost(host); err != nil {
			return err
		}
		return s.stage.SetURI("/" + path)
	case "path":
		if !strings.Contains(value, "?") && r.HasQuery {
			value += "?" + r.Query
		}
	}
	return s.stage.SetURI(value)
}

// cacheProperty sets what the cache is told: the key in place of path and query, the time to live in seconds, tags with
// commas or spaces between them.
func (s *session) cacheProperty(x *exchange.Exchange, path, value string) status {
	c := &x.Choices
	kept, err := s.stage.Keep(value)
	if err != nil {
		return internalFailure
	}
	switch path {
	case "wedge.cache_key":
		s.stage.Change()
		c.Key.Replace, c.Key.HasReplace = kept, true
	case "wedge.cache_ttl":
		seconds, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return badArgument
		}
		s.stage.Change()
		c.TTL = exchange.Duration{Value: time.Duration(seconds) * time.Second, Set: true}
	case "wedge.cache_tags":
		tags := strings.FieldsFunc(kept, func(r rune) bool { return r == ',' || r == ' ' })
		for _, t := range tags {
			if len(t) > longestTag || strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
				return badArgument
			}
		}
		if len(c.Tags)+len(tags) > mostTags {
			return internalFailure
		}
		s.stage.Change()
		c.Tags = append(c.Tags, tags...)
	}
	return ok
}
