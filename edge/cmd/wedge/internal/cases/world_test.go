package cases

import (
	"fmt"
	"testing"
)

func TestWorld(t *testing.T) {
	c, err := Parse("about\n-- config --\na: 1\nb: x: y\n-- secrets --\nkey: s\n-- kv first --\nk: v\n-- kv second --\n-- request --\nGET http://shop.example/\n-- kv first after --\nk: w\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(c.World()), "{map[a:1 b:x: y] map[key:s] map[first:map[k:v] second:map[]]}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
