// Package httpwasm lets functions run that were written for http-wasm's HTTP handler ABI: middleware for Traefik, Dapr and
// others. https://http-wasm.io/http-handler-abi/
//
// handle_request runs at on_request, handle_response at on_response, in the same instance. What the guest says of the
// response in handle_request is its answer if it does not go on to the next handler; if it does, the fields that the
// response lacks are added to it, and the body is put before its own.
//
// hostapi/guest finds the ABI by its imports and exports, and is its only caller.
package httpwasm
