//go:build race

package h1

// raceDetector tells that pools forget on purpose.
const raceDetector = true
