//go:build !invariants

package sandbox

// invariants has each memory that was put back by its notes compared with the image.
const invariants = false
