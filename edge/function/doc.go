// Package function keeps the functions that were uploaded to this node: their
// modules by hash, which version of each is active, what was active before,
// which one is tried out beside it and within which budget, and whether it is
// switched off. All of it lies in one folder and survives the end of the process
// at any moment. A [Watch] counts what a canary's calls come to.
//
// It does not run anything and does not know what a module must look like:
// whoever uploads has it checked first (edge/node, by hostapi/guest). A
// function belongs to an owner; names of two owners have nothing in common.
// edge/node reads what to run, edge/admin changes it.
package function
