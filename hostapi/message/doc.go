// Package message is what the guest ABIs share of HTTP: which URLs, hosts and fields a guest may set and in which normal
// form, and how a body is read ahead, decoded and replaced while a hook runs, so that it can still be sent on.
//
// It knows no guest and no ABI. hostapi/native, hostapi/httpwasm and hostapi/proxywasm use it.
package message
