package config

import (
	"math"
	"strconv"
	"strings"
)

// Unlimited is the Size, Duration or Count that the file calls none. Only fields that say so can hold it.
const Unlimited = -1

// Auto is the Size that the file calls auto: what is usual for the thing that it is about. Only fields that say so can hold it.
const Auto = -2

// Size is a number of bytes, Unlimited or Auto. The file writes it as a number, or with one of the units KiB, MiB, GiB, TiB.
type Size int64

var sizeUnits = [...]struct {
	name  string
	shift uint
}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"", 0}}

// UnmarshalText reads "1GiB", "512", "none" or "auto".
func (s *Size) UnmarshalText(text []byte) error {
	t := string(text)
	switch t {
	case "none":
		*s = Unlimited
		return nil
	case "auto":
		*s = Auto
		return nil
	}
	digits := strings.TrimRight(t, "KMGTiB")
	for _, unit := range sizeUnits {
		if t[len(digits):] != unit.name {
			continue
		}
		n, ok := wholeNumber(digits)
		if !ok {
			break
		}
		if n > math.MaxInt64>>unit.shift {
			return complain("write a smaller one", "%s is more bytes than a number can hold", quote(t))
		}
		*s = Size(n << unit.shift)
		return nil
	}
	return complain(sizeHint(t), "%s is not a size", quote(t))
}

// sizeHint guesses what was meant by 64K, 64KB, 64 kb and the like.
func sizeHint(t string) string {
	digits := strings.TrimRight(t, " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if _, ok := wholeNumber(digits); ok {
		letters := strings.ToUpper(strings.TrimSpace(t[len(digits):]))
		for _, unit := range sizeUnits[:4] {
			if letters == unit.name[:1] || letters == unit.name[:1]+"B" || letters == strings.ToUpper(unit.name) {
				return "write " + digits + unit.name
			}
		}
	}
	return "write a whole number of bytes, or one with KiB, MiB, GiB or TiB right behind it"
}

// MarshalText writes the size with the largest unit that divides it.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s Size) String() string {
	switch s {
	case Unlimited:
		return "none"
	case Auto:
		return "auto"
	}
	for _, unit := range sizeUnits {
		if n := int64(s); n != 0 && n&(1<<unit.shift-1) == 0 {
			return strconv.FormatInt(n>>unit.shift, 10) + unit.name
		}
	}
	return "0"
}

// Pattern is what JSON Schema can say of the form.
func (Size) Pattern() string { return `^(0|[1-9][0-9]*)(KiB|MiB|GiB|TiB)?$` }

// Count is a number of things, or Unlimited.
type Count int64

// UnmarshalText reads "1000000" or "none".
func (c *Count) UnmarshalText(text []byte) error {
	if string(text) == "none" {
		*c = Unlimited
		return nil
	}
	n, ok := wholeNumber(string(text))
	if !ok {
		return complain("write the digits only, as 1000000", "%s is not a whole number", quote(string(text)))
	}
	*c = Count(n)
	return nil
}

// MarshalText writes the digits, or none.
func (c Count) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func (c Count) String() string {
	if c == Unlimited {
		return "none"
	}
	return strconv.FormatInt(int64(c), 10)
}

// Pattern is what JSON Schema can say of the form.
func (Count) Pattern() string { return `^(0|[1-9][0-9]*)$` }

// wholeNumber reads decimal digits without sign, separators or leading zeros. YAML knows more forms (0x10, 1_000, and 010, which is 8
// to some readers and 10 to others); a configuration is read by people, so each number has one form.
func wholeNumber(digits string) (int64, bool) {
	if digits == "" || digits[0] < '0' || digits[0] > '9' || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil
}
