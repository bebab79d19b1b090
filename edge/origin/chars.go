package origin

// Classes of characters.
const (
	charToken  = 1 << iota // RFC 9110 §5.6.2
	charValue              // of a field's value: no control character but HTAB
	charTarget             // of a request target: visible ASCII, and bytes that nobody encoded
	charHost               // of a Host field, RFC 3986 §3.2.2
)

// chars are the classes of each byte.
var chars = func() (t [256]uint8) {
	const alnum = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	set := func(class uint8, s string) {
		for i := range len(s) {
			t[s[i]] |= class
		}
	}
	set(charToken, alnum+"!#$%&'*+-.^_`|~")
	set(charHost, alnum+"-._~!$&'()*+,;=%:[]")
	for i := range 256 {
		if i >= ' ' && i != 0x7f || i == '\t' {
			t[i] |= charValue
		}
		if i > ' ' && i != 0x7f {
			t[i] |= charTarget
		}
	}
	return t
}()

// all tells whether s is made of one class of characters.
func all(s string, class uint8) bool {
	for i := range len(s) {
		if chars[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

func validName(s string) bool { return s != "" && all(s, charToken) }

// validHost accepts "" as well.
func validHost(s string) bool { return all(s, charHost) }
