//go:build race

package guest

const race = true
