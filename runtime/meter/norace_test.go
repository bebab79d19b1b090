//go:build !race

package meter

const racing = false
