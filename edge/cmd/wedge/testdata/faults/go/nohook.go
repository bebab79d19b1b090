package main

import _ "github.com/wedgecdn/wedge/sdk/go"

func main() {}
