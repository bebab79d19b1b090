module github.com/wedgecdn/wedge/examples

go 1.26

require github.com/wedgecdn/wedge/sdk/go v0.0.0

replace github.com/wedgecdn/wedge/sdk/go => ../sdk/go
