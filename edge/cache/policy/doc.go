// Package policy decides what HTTP says about caching: whether a request may
// be answered from the cache ([Request]), whether a response may be stored and
// for how long ([Judge]), whether what is stored may be used ([Facts.Use]), what
// a validated response becomes ([Merge]), and how a client's own conditions and
// range are answered ([Conditional], [ParseRange]).
//
// It is pure: fields, rules and the time go in, an answer comes out. It does no
// I/O, has no clock, keeps nothing, and on the way of a hit it allocates
// nothing. Above each rule stands the sentence of the specification that it
// obeys. Where a specification leaves a choice to the cache, the function says
// which one was made.
//
// edge/cache calls it around the store, edge/pipeline for conditions and ranges.
package policy
