//go:build race

package node_test

// raceDetector tells that the tests run under the race detector, where
// sync.Pool drops things on purpose.
const raceDetector = true
