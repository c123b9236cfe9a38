package input

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"tollgate/models/problem"
)

// Version is the state of a row that a form was made from, as the form sends it back: when the row was changed last.
func Version(changed time.Time) Value { return FormValue(changed.UTC().Format(time.RFC3339Nano)) }

// Mark tells two previews apart, as a form sends back which one was seen.
func Mark(preview any) string {
	encoded, _ := json.Marshal(preview)
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:16])
}

// Edited is when the state was made that a version stands for.
func Edited(version Value) (time.Time, error) { return time.Parse(time.RFC3339Nano, version.Text) }

// SentVersion completes the version of an edit from a form, which has to send one.
func SentVersion(v Value) Value {
	v.FromForm = true
	return v
}

// Fresh refuses an edit from a form that was made from another state of a row than the stored one. The row has to be
// locked. An edit of the API has no version and passes. Refusals: Unreadable, Stale.
func Fresh(version, stored Value) error {
	switch {
	case !version.FromForm:
		return nil
	case !version.Given():
		return problem.Refuse(problem.Unreadable, "version", "required",
			"Look at what is saved, and save again to keep what is filled in here: this form was sent without the version "+
				"that it edits.")
	case version.Text != stored.Text:
		return problem.Refuse(problem.Stale, "", "version_mismatch",
			"This was saved meanwhile. Look at what changed, and save again to keep what is filled in here.")
	}
	return nil
}
