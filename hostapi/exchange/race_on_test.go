//go:build race

package exchange

const race = true
