// Package origin asks the servers behind the node. An origin is a named pool
// of servers that all hold the same; [Upstreams] has all of them, in a table
// that is swapped whole.
//
// It speaks HTTP/1.1 by itself, on connections that it keeps. net/http's
// client loses the order and the spelling of fields, joins folded lines, takes
// Transfer-Encoding beside Content-Length and waits for a free connection
// without end; fasthttp's takes a cut chunked body for a whole one. A cache
// must have none of it, so the parser here is strict, and net/http is the
// oracle of its fuzz targets.
//
// A body is never held: it flows at the pace of the slower side, and one that
// ends too early is an error of the read that meets the end. A request is sent
// again only where nothing can have been done twice.
//
// The package decides nothing about caching and calls no functions. The
// pipeline calls [Upstreams.Send]; guests' own requests come in by
// [Upstreams.Fetch], where the address behind a URL is looked at before it is
// dialled. What happens is told to [Events].
package origin
