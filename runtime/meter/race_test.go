//go:build race

package meter

// racing leaves out tests that only compile and run much: this package starts no goroutines, and under the race
// detector the engine's compiler takes some 20 times as long.
const racing = true
