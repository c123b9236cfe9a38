package money

import (
	"errors"
	"regexp"
	"strings"
)

// ErrMoneySeparators says that an amount is written in another way than the console prints it: 1 234,56.
var ErrMoneySeparators = errors.New("separators that are not those of 1,234.56")

var (
	printed    = regexp.MustCompile(`^(0|[1-9][0-9]*|[1-9][0-9]{0,2}(,[0-9]{3})+)(\.[0-9]+)?$`)
	separators = " .,'’_\u00a0\u2009\u202f"
)

// FromTyped returns what a person typed for an amount as a JSON number literal. It takes amounts as the console prints
// them, $1,234.56, and plain ones. Errors: those of ParseMoney
// and ErrMoneySeparators.
func FromTyped(text string) (literal string, err error) {
	rest, negative := strings.CutPrefix(strings.TrimSpace(text), "-")
	rest = strings.TrimPrefix(rest, "$")
	if !printed.MatchString(rest) {
		if _, err := ParseMoney(strings.TrimSpace(text)); !errors.Is(err, ErrNotANumber) && err != nil { // such as 1e309
			return "", err
		}
		digits := strings.Map(func(r rune) rune {
			if strings.ContainsRune(separators, r) {
				return -1
			}
			return r
		}, rest)
		if digits != rest && digits != "" && digitsOf(digits) == digits {
			return "", ErrMoneySeparators
		}
		return "", ErrNotANumber
	}
	if rest = strings.ReplaceAll(rest, ",", ""); negative {
		rest = "-" + rest
	}
	return rest, nil
}
