package observe

import (
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// codings are the content codings that have a series of their own. What an
// origin may write into the field has no end, so all the rest is one.
var codings = [...]string{"identity", "gzip", "zstd", "br", "other"}

// codingOf is the place of a response's content coding in codings.
func codingOf(h *exchange.Header) int {
	v := h.Value(exchange.ContentEncoding)
	if v == "" {
		return 0
	}
	for i, c := range codings[:len(codings)-1] {
		if strings.EqualFold(v, c) {
			return i
		}
	}
	// "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
	// https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.3
	if strings.EqualFold(v, "x-gzip") {
		return 1
	}
	return len(codings) - 1
}

// Encoded counts a content that the node has compressed. coding and use are
// words of the room that did it.
func (m *Metrics) Encoded(coding, use string, in, out int64, cpu time.Duration) {
	m.encodings.WithLabelValues(coding, use).Inc()
	m.encodingIn.WithLabelValues(coding, use).Add(float64(in))
	m.encodingOut.WithLabelValues(coding, use).Add(float64(out))
	if cpu > 0 {
		m.encodingCPU.WithLabelValues(coding, use).Add(cpu.Seconds())
	}
}
