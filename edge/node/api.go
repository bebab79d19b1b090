package node

import "github.com/wedgecdn/wedge/edge/config"

type api struct{}

func (n *Node) openAdmin(*config.Config) error { return nil }
func (n *Node) serveAdmin()                    {}
func (n *Node) shutAdmin()                     { n.admin.Close() }
func (n *Node) setTokens(*config.Config)       {}
