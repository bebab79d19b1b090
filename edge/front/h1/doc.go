// Package h1 is the front end for HTTP/1.0 and HTTP/1.1: it fills an exchange
// from a connection, lets a [Server] decide the response, and sends that. It
// decides nothing that another front would have to decide as well.
//
// # Who does what
//
// fasthttp runs the connections: it accepts them, gives each a worker, and closes
// it in the end. What stands on the wire is read and written here:
//
//   - A request's head is checked and split by one parser, strictly and in the
//     connection's own buffer, before anybody acts on it (head.go, rules.go).
//     A head that breaks a rule is answered and the connection closed. fasthttp
//     sees a head of two lines that stands for a connection's first (conn.go), so
//     there are no two parsers that could differ about where a message ends.
//   - A body is decoded as it is pulled (body.go): nothing is read ahead of the
//     reader, limits hold for streams too, and 100 (Continue) goes out when
//     somebody wants the content.
//   - A response goes out as it stands in the exchange (send.go): fields in
//     their order and spelling, Date and every Set-Cookie included, each piece
//     of the body as soon as it is there.
//
// Strings in the exchange are views of the connection's buffer. They are valid
// until the response body has been closed; with the build tag "invariants"
// they are overwritten then.
//
// Called by edge/node, which joins it with a listener and the pipeline.
package h1
