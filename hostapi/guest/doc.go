// Package guest is one door to all guest ABIs: it tells which one a module speaks, says what is wrong with a module and
// how to mend it, and calls a function's hooks in an exchange.
//
// A Host belongs to a node. Load makes a Function of a module and its settings; Start takes one of its instances for an
// exchange, Run.Call calls a hook, Run.End gives the instance back. edge/function loads, edge/hook calls; which functions
// run in which order, and what their failure means for the exchange, is decided there.
package guest
