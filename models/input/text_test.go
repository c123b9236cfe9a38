package input

import (
	"strings"
	"testing"
)

func TestNamesAreComparedFolded(t *testing.T) {
	for _, pair := range [][2]string{
		{"Straße", "STRASSE"},
		{"Café", "Cafe\u0301"},
		{"ΣΊΣΥΦΟΣ", "σίσυφος"},
		{"Engineering", "eNGINEERING"},
		{"ẞ", "ss"},
		{"ﬁne", "Fine"},
		{"Ｅｎｇｉｎｅｅｒｉｎｇ", "engineering"},
		{"x²", "X2"},
		{"№ 4", "no 4"},
		{"ſtraße", "STRASSE"},
		{"K", "k"},
		{"ｶﾞ", "ガ"},
		{"㎏", "KG"},
	} {
		if Fold(pair[0]) != Fold(pair[1]) {
			t.Errorf("%q and %q differ", pair[0], pair[1])
		}
	}
	if Fold("Cafe") == Fold("Café") {
		t.Error("an accent was dropped")
	}
}

func TestLegible(t *testing.T) {
	cases := []struct {
		text string
		want bool
	}{
		{"Engineering 😀 – Zürich (中文), ქართული", true},
		{"non\u00a0breaking", true},
		{"❤\ufe0f", true},
		{"e" + strings.Repeat("\u0335", 4), true},
		{"e" + strings.Repeat("\u0335", 5), false},
		{"Engineering\ufe0f", false},
		{"a\u200bb", false},
		{"a\u200db", false},
		{"a\u202eb", false},
		{"a\u2066b", false},
		{"a\ufeffb", false},
		{"a\u00adb", false},
		{"a\u0007b", false},
		{"a\u001b[31m", false},
		{"a\u2028b", false},
		{"a\u2029b", false},
		{"a\ue000b", false},
		{"a\ufffeb", false},
		{"a\U000e0041b", false},
		{"a\u3164b", false},
		{"a\u115fb", false},
		{"a\u034fb", false},
		{"a\u2800b", false},
		{"a\u0378b", false},
		{"a\nb", false},
		{"a\tb", false},
	}
	for _, c := range cases {
		if Legible(c.text, false) != c.want {
			t.Errorf("%q is legible: %v", c.text, !c.want)
		}
	}
	if !Legible("two\nlines", true) || Legible("a\rb", true) {
		t.Error("a description may have line ends, and nothing else that is unseen")
	}
}
