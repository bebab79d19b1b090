package origin

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestDocument(t *testing.T) {
	f := func(size, id int) {
		t.Helper()
		var d struct {
			ID    int
			Items []struct{ Price, Stock int }
		}
		b := Document(size, id)
		if err := json.Unmarshal(b, &d); err != nil || len(b) != size {
			t.Fatalf("%d bytes, %v: %s", len(b), err, b)
		}
		total := 0
		for _, i := range d.Items {
			total += i.Price * i.Stock
		}
		if want := fmt.Sprintf(`{"id":%d,"total":%d}`, id, total); string(Sum(size, id)) != want || size > 200 && total == 0 {
			t.Errorf("%s, wanted %s", Sum(size, id), want)
		}
	}
	f(64, 1)
	f(1024, 1)
	f(4096, 12)
}
