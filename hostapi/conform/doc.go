// Package conform has, for each function of each foreign ABI, a guest that calls it and what the client and the origin must
// see of that; and guests that are hostile. Its tests run them on the door to all ABIs, with a fake node around it.
//
// It exports nothing: it is there for its tests.
package conform
