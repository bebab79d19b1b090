// Package site is the small web site that a demo's node stands in front of: pages, styles, pictures, an API.
//
// It is an origin as origins are: it counts what it is asked, says who it is, sets a cookie on everybody and tells the world which
// software it runs. It knows nothing of the node. Two variants of it stand behind two addresses, for functions that choose between them.
//
// edge/demo serves it on loopback and reads its counters.
package site
