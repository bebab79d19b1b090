package exchange

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func TestCloneOwnsItsStrings(t *testing.T) {
	buf := []byte("GET shop.example /a?b x-name value text/html")
	at := func(s string) string {
		i := bytes.Index(buf, []byte(s))
		return unsafe.String(&buf[i], len(s))
	}
	var r, c Request
	r.Method, r.Host, r.Target, r.Path, r.Query, r.HasQuery = at("GET"), at("shop.example"), at("/a?b"), at("/a"), at("b"), true
	r.Scheme, r.Proto = "http", HTTP11
	r.Header.Add(at("x-name"), at("value"))
	r.Header.Add("accept", at("text/html"))
	r.CloneInto(&c)
	clear(buf)
	if c.Method != "GET" || c.Host != "shop.example" || c.URI() != "/a?b" || c.Target != "/a?b" || text(&c.Header) != "x-name:value Accept:text/html" {
		t.Errorf("the clone changed with the buffer: %q %q %q %q", c.Method, c.Host, c.URI(), text(&c.Header))
	}
	if c.Header.Value(Accept) != "text/html" {
		t.Error("the clone has no slots")
	}
}

func TestCheckpoint(t *testing.T) {
	x := New()
	defer x.Release()
	x.Request.Method, x.Request.Path = "GET", "/a"
	x.Request.Header.Add("A", "1")
	x.Response.Status = 200
	x.Response.Header.Add("ETag", "e")
	x.Choices.Tags = append(x.Choices.Tags, "t1")
	x.Vars.Set("v", "1")
	var c Checkpoint
	for range 2 { // a checkpoint can be used again
		x.Save(&c)
		x.Request.Method, x.Request.Path, x.Request.Query, x.Request.HasQuery = "POST", "/b", "q", true
		x.Request.Header.Set("A", "2")
		x.Response.Status = 500
		x.Response.Header.Delete("ETag")
		x.Choices.Tags = append(x.Choices.Tags, "t2")
		x.Choices.NoStore, x.Choices.TTL = true, Duration{time.Second, true}
		x.Choices.Key.Parts = append(x.Choices.Key.Parts, Field{Name: "k", Value: "v"})
		x.Vars.Set("v", "22")
		x.Vars.Set("w", "3")
		x.Restore(&c)
		if x.Request.Method != "GET" || x.Request.URI() != "/a" || text(&x.Request.Header) != "A:1" {
			t.Error("the request did not go back")
		}
		if x.Response.Status != 200 || text(&x.Response.Header) != "ETag:e" || !x.Response.Header.Has(ETag) {
			t.Error("the response did not go back")
		}
		if len(x.Choices.Tags) != 1 || x.Choices.NoStore || x.Choices.TTL.Set || len(x.Choices.Key.Parts) != 0 {
			t.Errorf("the choices did not go back: %+v", x.Choices)
		}
		if v, _ := x.Vars.Value("v"); v != "1" || x.Vars.Len() != 1 || x.Vars.size != 2 {
			t.Errorf("the variables did not go back: %+v", x.Vars)
		}
	}
}

// A checkpoint that was reset holds on to nothing of its exchange.
func TestCheckpointReset(t *testing.T) {
	x := New()
	defer x.Release()
	x.Request.Method, x.Request.Path, x.Request.Body = "GET", "/a", NewBytesBody([]byte("b"))
	x.Request.Header.Add("Host", "h")
	x.Response.Status = 200
	x.Response.Header.Add("ETag", "e")
	x.Choices.Tags = append(x.Choices.Tags, "t")
	x.Choices.Key.Parts = append(x.Choices.Key.Parts, Field{Name: "k", Value: "v"})
	x.Vars.Set("v", "1")
	var c Checkpoint
	x.Save(&c)
	c.Reset()
	if c.saved != (saved{}) {
		t.Errorf("it holds %+v", c.saved)
	}
	if text(&c.requestHeader) != "" || text(&c.responseHeader) != "" || c.requestHeader.Has(Host) || c.responseHeader.Has(ETag) {
		t.Error("it holds header fields")
	}
	if f := c.requestHeader.fields[:1][0]; f.Name != "" || f.Value != "" {
		t.Errorf("its memory holds %v", f)
	}
	if len(c.choices.Tags)+len(c.choices.Key.Parts) != 0 || c.choices.Tags[:1][0] != "" || c.vars.Len() != 0 || c.vars.size != 0 {
		t.Errorf("it holds %+v %+v", c.choices, c.vars)
	}
}

func TestVarsAreBounded(t *testing.T) {
	var v Vars
	if !v.Set("a", strings.Repeat("x", MaxVars-1)) || v.Set("b", "") || v.Set("a", strings.Repeat("x", MaxVars)) {
		t.Error("the bound is not MaxVars")
	}
	v.Delete("a")
	if !v.Set("bb", strings.Repeat("x", MaxVars-2)) || v.size != MaxVars {
		t.Error("a deleted variable still counts")
	}
}

// TestReleaseForgets fills every field of an exchange, by reflection, and looks
// for what Release has left: a field that is added and not reset shows here.
func TestReleaseForgets(t *testing.T) {
	x := New()
	fill(reflect.ValueOf(x).Elem())
	x.Guests, x.Err, x.Peer = 1, errors.New("x"), noPeer{}
	x.Request.Header, x.Response.Header = Header{}, Header{}
	x.Request.Header.Add("A", "1")
	x.Response.Header.Add("Vary", "a")
	x.Release()
	left(t, reflect.ValueOf(x).Elem(), "Exchange")
	if x.Response.Header.Has(Vary) {
		t.Error("a slot of the header is left")
	}
}

// fill sets every exported field that can be set to something.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				fill(f)
			}
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint64:
		v.SetUint(1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	}
}

// left complains about whatever is not empty.
func left(t *testing.T, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Header]() {
			if n := v.FieldByName("fields").Len(); n != 0 || !v.FieldByName("slot").IsZero() {
				t.Errorf("%s has %d fields left", path, n)
			}
			return
		}
		for i := range v.NumField() {
			left(t, v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	case reflect.Slice:
		if v.Len() != 0 {
			t.Errorf("%s has %d elements left", path, v.Len())
		}
	default:
		if !v.IsZero() {
			t.Errorf("%s is left", path)
		}
	}
}

func TestTextIsStable(t *testing.T) {
	x := New()
	defer x.Release()
	var got []string
	for i := range 500 {
		got = append(got, x.Text(bytes.Repeat([]byte{byte('a' + i%26)}, i)))
	}
	for i, s := range got {
		if s != strings.Repeat(string(rune('a'+i%26)), i) {
			t.Fatalf("text %d changed to %q", i, s)
		}
	}
	if s := x.Join("a", "", "bc"); s != "abc" {
		t.Errorf("Join = %q", s)
	}
}

// With the tag "invariants" a view kept beyond the end shows itself.
func TestReleasedTextIsPoisoned(t *testing.T) {
	x := New()
	s := x.Text([]byte("kept too long"))
	x.Release()
	if poisoned := s == strings.Repeat("\xcc", len(s)); poisoned != Invariants {
		t.Errorf("invariants %v, and the kept text reads %q", Invariants, s)
	}
}

func TestIDs(t *testing.T) {
	s := NewIDSource()
	seen := map[ID]bool{}
	for range 10000 {
		id := s.Next()
		if seen[id] {
			t.Fatalf("%v came twice", id)
		}
		seen[id] = true
		if back, ok := ParseID(id.String()); back != id || !ok {
			t.Fatalf("%v reads back as %v", id, back)
		}
	}
	for _, bad := range []string{"", "abc", strings.Repeat("g", 32), strings.Repeat("a", 33)} {
		if _, ok := ParseID(bad); ok {
			t.Errorf("ParseID(%q) accepts", bad)
		}
	}
}

func TestNamesAreComplete(t *testing.T) {
	for o := range Outcome(Outcomes) {
		if o.String() == "" {
			t.Errorf("outcome %d has no name", o)
		}
	}
	seen := map[string]Reason{}
	for r := ReasonNone + 1; int(r) < Reasons; r++ {
		if r.String() == "" {
			t.Errorf("reason %d has no name", r)
		}
		if before, ok := seen[r.String()]; ok {
			t.Errorf("reasons %d and %d are both %q", before, r, r)
		}
		seen[r.String()] = r
	}
}

func TestForFetch(t *testing.T) {
	x := New()
	defer x.Release()
	x.ID, x.Owner, x.Site = NewIDSource().Next(), "o", "s"
	x.Request.Method, x.Request.Path = "GET", "/a"
	x.Vars.Set("v", "1")
	x.Choices.Origin = "other"
	f := x.ForFetch()
	defer f.Release()
	x.Vars.Set("v", "2")
	if v, _ := f.Vars.Value("v"); v != "1" || f.Side != FetchSide || f.ID != x.ID || f.Owner != "o" || f.Request.Path != "/a" || f.Choices.Origin != "other" {
		t.Errorf("the fetch is %+v", f)
	}
	if f.Peer.Gone() != nil {
		t.Error("a fetch has a client to lose")
	}
}

func TestNoAllocations(t *testing.T) {
	if race {
		t.Skip("the race detector drops items of a sync.Pool at random")
	}
	var c Checkpoint
	round := func() {
		x := New()
		x.Request.Header.AddKnown(AcceptEncoding, "gzip")
		x.Request.Header.Add("X-Custom", "1")
		x.Save(&c)
		x.Response.Header.Set("x-custom", x.Text([]byte("value")))
		x.Vars.Set("a", "b")
		x.Restore(&c)
		x.Release()
	}
	round()
	if n := testing.AllocsPerRun(200, round); n > 0 {
		t.Errorf("%v allocations an exchange, want 0", n)
	}
}

func BenchmarkHeaderFill(b *testing.B) {
	var h Header
	b.ReportAllocs()
	for b.Loop() {
		h.Reset()
		for _, n := range [...]string{"Host", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Cookie", "X-Custom-Header", "Cache-Control"} {
			h.Add(n, "value")
		}
	}
}
