//go:build !race

package node_test

// raceDetector tells that the tests run under the race detector.
const raceDetector = false
