module github.com/wedgecdn/wedge/sdk/go

go 1.26
