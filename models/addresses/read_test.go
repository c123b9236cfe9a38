package addresses_test

import (
	"slices"
	"testing"

	"tollgate/models/addresses"
)

// Lines as mail programs, spreadsheets and people write them.
func TestRead(t *testing.T) {
	ada, bob := "ada@example.com", "bob@example.com"
	for text, want := range map[string][]string{
		"ada@example.com":                                               {"", ada},
		"ada@example.com, bob@example.com":                              {"", ada, "", bob},
		"ada@example.com;bob@example.com;":                              {"", ada, "", bob},
		"ada@example.com\r\n\r\nbob@example.com\n":                      {"", ada, "", bob},
		"ada@example.com bob@example.com":                               {"", "ada@example.com bob@example.com"},
		"Ada L <ada@example.com>; bob@example.com":                      {"Ada L", ada, "", bob},
		"Weber, Anna <ada@example.com>; Schmidt, Ben <bob@example.com>": {"Weber, Anna", ada, "Schmidt, Ben", bob},
		"Weber, Anna <ada@example.com>\nSchmidt, Ben <bob@example.com>": {"Weber, Anna", ada, "Schmidt, Ben", bob},
		"Weber, Anna <ada@example.com>, Schmidt, Ben <bob@example.com>": {"Weber, Anna", ada, "Schmidt, Ben", bob},
		"King, Martin, Jr. <ada@example.com>":                           {"King, Martin, Jr.", ada},
		`"Mueller, Joerg" <ada@example.com>`:                            {"Mueller, Joerg", ada},
		`"Mueller; Joerg" <ada@example.com>,"B, B" <bob@example.com>`:   {"Mueller; Joerg", ada, "B, B", bob},
		"\u201cMueller, Joerg\u201d <ada@example.com>":                  {"Mueller, Joerg", ada},
		`"Ada \"L\" Love" <ada@example.com>`:                            {`Ada "L" Love`, ada},
		"'Ada L' <ada@example.com>":                                     {"Ada L", ada},
		"'ada@example.com'":                                             {"", ada},
		"O'Neil, Ada <ada@example.com>":                                 {"O'Neil, Ada", ada},
		"<ada@example.com>":                                             {"", ada},
		"<mailto:ada@example.com>":                                      {"", ada},
		"MAILTO:ada@example.com":                                        {"", ada},
		"Ada <MailTo:ada@example.com?subject=Hi>":                       {"Ada", ada},
		"ada@example.com<mailto:ada@example.com>":                       {"", ada},
		"<mailto:ada@example.com|ada@example.com>":                      {"", ada},
		"Ada <ada@example.com> Bob <bob@example.com>":                   {"Ada", ada, "Bob", bob},
		"To: Weber, Anna <ada@example.com>; bob@example.com":            {"Weber, Anna", ada, "", bob},
		"Ada Love ada@example.com":                                      {"", "Ada Love ada@example.com"},
		"ada@example.com (Ada Love)":                                    {"Ada Love", ada},
		"Ada\tLove\tada@example.com":                                    {"Ada Love", ada},
		"Love, Ada\tada@example.com\nbob@example.com\t":                 {"Love, Ada", ada, "", bob},
		`"Love, Ada",ada@example.com`:                                   {"Love, Ada", ada},
		"=?utf-8?q?J=C3=B6rg?= <ada@example.com>":                       {"Jörg", ada},
		"\ufeff\u202aada@example.com\u202c\u00a0; bob@example.com":      {"", ada, "", bob},
		`5" Ada <ada@example.com>, bob@example.com`:                     {`5" Ada`, ada, "", bob},
		"nobody, ada@example.com":                                       {"", "nobody", "", ada},
		"one, two, three, Ada <ada@example.com>":                        {"", "one", "", "two", "", "three", "Ada", ada},
		"Ada <ada@example.com":                                          {"", "Ada <ada@example.com"},
		"To: ada@example.com":                                           {"", ada},
		"just text":                                                     {"", "just text"},
		" ;, \n ":                                                       {},
	} {
		got := []string{}
		for _, e := range addresses.Read(text) {
			got = append(got, e.Name, e.Address)
			if again := addresses.Read(e.Text); len(again) != 1 || again[0] != e {
				t.Errorf("%q: %q is read again as %+v", text, e.Text, again)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}
