package field

import (
	"reflect"
	"testing"
)

func TestOf(t *testing.T) {
	type Inner struct {
		B int `yaml:"b" default:"5" rule:"zero max=7"`
	}
	type outer struct {
		A string `yaml:"a" rule:"required path except=-|off"`
		Inner
		C      int `yaml:"-"`
		D      int
		E      []int `yaml:"e" rule:"later none"`
		hidden int
	}
	_ = outer{hidden: 1}
	got := Of(reflect.TypeFor[outer]())
	want := []Field{
		{Name: "a", GoName: "A", Owner: reflect.TypeFor[outer](), Index: []int{0}, Type: reflect.TypeFor[string](), Rule: Rule{Required: true, Path: true, Except: []string{"-", "off"}}},
		{Name: "b", GoName: "B", Owner: reflect.TypeFor[Inner](), Index: []int{1, 0}, Type: reflect.TypeFor[int](), Default: "5", Rule: Rule{Zero: true, Max: "7"}},
		{Name: "e", GoName: "E", Owner: reflect.TypeFor[outer](), Index: []int{4}, Type: reflect.TypeFor[[]int](), Rule: Rule{Later: true, None: true}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestUnknownWordIsABug(t *testing.T) {
	type wrong struct {
		A int `yaml:"a" rule:"requird"`
	}
	defer func() {
		if recover() == nil {
			t.Error("a misspelled rule goes unnoticed")
		}
	}()
	Of(reflect.TypeFor[wrong]())
}
