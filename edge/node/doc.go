// Package node builds, starts, reloads and drains a node out of all the rooms.
//
// It is the only package that knows every one of them: it turns a checked
// configuration into a route table, functions, pools and stores, joins the
// interfaces that rooms declare with the rooms that satisfy them, and decides
// the order in which all of it begins and ends. It serves nothing itself.
//
// edge/cmd/wedge and edge/demo call it.
package node
