package origin

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// Document is the JSON of an id, a stock of things with their prices; spaces make it as long as it should be, which is 64 bytes at least.
func Document(size, id int) []byte {
	b, _ := document(size, id)
	return b
}

// Sum is what a function makes of that document.
func Sum(size, id int) []byte {
	_, total := document(size, id)
	return fmt.Appendf(nil, `{"id":%d,"total":%d}`, id, total)
}

func document(size, id int) (b []byte, total int) {
	const end = "]}"
	r := rand.New(rand.NewPCG(uint64(id), 3))
	b = fmt.Appendf(nil, `{"id":%d,"items":[`, id)
	for i := 0; ; i++ {
		price, stock := r.IntN(10000), r.IntN(100)
		item := fmt.Sprintf(`{"name":"part no. %d","price":%d,"stock":%d,"tags":["new","a \"quoted\" one"],"limit":null,"sold":true}`, i, price, stock)
		if i > 0 {
			item = "," + item
		}
		if len(b)+len(item)+len(end) > size {
			break
		}
		b = append(b, item...)
		total += price * stock
	}
	b = append(b, end...)
	return append(b, bytes.Repeat([]byte(" "), max(0, size-len(b)))...), total
}
