// Package admin is the operators' API: HTTP with JSON under /v1, and the
// pages that monitors read (/metrics, /healthz, /readyz).
//
// One table (operations) says every method, path, scope, parameter and type;
// the handlers, the scopes that are asked for and the OpenAPI page at
// /v1/openapi.json come from it. It knows no other room: what it needs of a
// node it declares as interfaces ([Functions], [Cache], [KV], …), and it
// answers with the types of this package, whose JSON only ever gains fields.
// A failure has one shape, [Failure]; what a user can mend is said there, what
// went wrong inside goes to [Events] under the request's id.
//
// Who may: a token opens scopes (deploy, purge, read) of one owner, the
// operator's token opens everything of every owner. Without any token the API
// answers on loopback only, and there to everybody, as the operator; once a
// token is configured, loopback needs one like any other. /healthz, /readyz and
// /v1/openapi.json need none; /metrics needs `read` unless the listener is on
// loopback. Every write, and every write that a known token was refused,
// becomes a line of the audit log before it is answered.
//
// edge/node makes a [Server], edge/cmd/wedge is its client.
package admin
