//go:build !linux || !(amd64 || arm64) || race

package h1

import "time"

type socket struct{}

func (c *conn) receive(p []byte) (int, error)  { return c.nc.Read(p) }
func (c *conn) transmit(p []byte) (int, error) { return c.nc.Write(p) }
func (f *Front) watch(time.Duration)           {}
