module github.com/wedgecdn/wedge/examples

go 1.26.0

require (
	github.com/tetratelabs/wazero v1.12.0
	github.com/wedgecdn/wedge v0.0.0
	github.com/wedgecdn/wedge/sdk/go v0.0.0
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/molecule-man/go-brrr v1.0.1 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	github.com/wedgecdn/wedge => ../
	github.com/wedgecdn/wedge/sdk/go => ../sdk/go
)

exclude github.com/molecule-man/go-brrr v1.3.0
