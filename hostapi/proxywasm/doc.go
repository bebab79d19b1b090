// Package proxywasm lets filters run that were written for proxy-wasm 0.1.0, 0.2.0 or 0.2.1: for Envoy, Istio, Kong,
// APISIX, Higress, Google's load balancers, Gcore's CDN. https://github.com/proxy-wasm/spec
//
// The request's callbacks run at on_request, the response's at on_response, one stream an instance at a time. Each
// instance has the plugin's root context, configured when the instance is made. A callout runs beside the guest; its
// callback runs on the instance's own turn, while the stream is paused for it. Ticks and queues are served by one root
// instance a binding (see root).
//
// hostapi/guest finds the ABI by its exports and imports, and is its only caller.
package proxywasm
