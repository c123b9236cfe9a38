package profile

import (
	"regexp"
	"time"

	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/window"
)

// ZoneName is the form of the name of a time zone.
var ZoneName = regexp.MustCompile(`^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`)

// readTimeZone reads the name of a time zone that this program and the database know; null and UTC mean none.
func readTimeZone(c *input.Reader, v input.Value, refs *mcptool.References, zone *string) {
	switch {
	case v.Kind == input.Absent:
	case v.Kind == input.Null, v.Kind == input.String && (v.Text == "UTC" || v.FromForm && input.Tidy(v.Text) == ""):
		*zone = ""
	case v.Kind != input.String:
		c.Add("time_zone", "wrong_type", "Give the time zone as text.")
	default:
		name := v.Text
		if v.FromForm {
			name = input.Tidy(name)
		}
		known := ZoneName.MatchString(name) && name != "Local" && (refs == nil || refs.Zone)
		if known {
			_, err := time.LoadLocation(name)
			known = err == nil
		}
		if !known {
			c.Add("time_zone", "invalid_time_zone", window.ZoneHint(name))
			return
		}
		*zone = name
	}
}
