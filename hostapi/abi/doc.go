// Package abi is the native contract between the node and its guests, version 1: the numbers of statuses and other
// enums, and for each host function its parameters, its result and the hooks at which it may be called.
//
// Everything but this file is generated from abi.txt, which also yields the reference page (REFERENCE.md) and the raw
// layer of the Go SDK (sdk/go/internal/raw), so that host, guests and page cannot differ. hostapi/native gives the
// functions their bodies; hostapi/guest compares a module's imports with the table.
package abi

//go:generate go run ./gen
