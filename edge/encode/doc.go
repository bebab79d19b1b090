// Package encode gives clients responses in a content coding: br, zstd or gzip,
// by the q-values of Accept-Encoding, for the types of content that gain by it.
// What is stored is the identity; a response is compressed as it is sent, or once
// and well for all who ask for it later.
//
// The package decides and compresses. It does not store, knows no routes, and
// leaves alone what is encoded already. The pipeline calls it, once for each
// response that a client gets.
package encode
