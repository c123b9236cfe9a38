package profile

import (
	"testing"

	"tollgate/models/input"
	"tollgate/models/mcptool"
)

// A zone that this program knows and the database does not could not be pushed to copies.
func TestTimeZoneThatTheDatabaseDoesNotKnow(t *testing.T) {
	in := Input{Name: input.FormValue("Zone"), TimeZone: input.FormValue("Europe/Berlin")}
	for known, want := range map[bool]int{true: 0, false: 1} {
		if _, problems := in.applyTo(Profile{}, &mcptool.References{Zone: known}); len(problems) != want {
			t.Errorf("known %v: %v", known, problems)
		}
	}
}
