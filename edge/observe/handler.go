package observe

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler answers with the metrics, in the format that the reader asks for.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, EnableOpenMetrics: true})
}
