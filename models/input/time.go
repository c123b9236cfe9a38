package input

import (
	"regexp"
	"time"
)

// MinuteForm is how a form sends a time, which is in UTC.
const MinuteForm = "2006-01-02T15:04"

var (
	rfc3339 = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$`)
	picked  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$`) // what a browser's date picker sends
)

// Time reads a time in RFC 3339; from a form also without a zone, which then is UTC. It is kept in UTC with
// microseconds.
func (c *Reader) Time(field string, v Value, what string) (time.Time, bool) {
	switch {
	case v.Kind == Null:
		c.Add(field, "null_not_allowed", "Give "+what+" instead of null.")
		return time.Time{}, false
	case v.Kind != String:
		c.Add(field, "wrong_type", "Give "+what+" as text.")
		return time.Time{}, false
	}
	text := v.Text
	if v.FromForm && picked.MatchString(text) {
		if len(text) == len(MinuteForm) {
			text += ":00"
		}
		text += "Z"
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || !rfc3339.MatchString(text) || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		c.Add(field, "invalid_timestamp", "Give "+what+" like 2026-11-23T16:00:00Z.")
		return time.Time{}, false
	}
	return t.UTC().Truncate(time.Microsecond), true
}
