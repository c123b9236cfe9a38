package views

import (
	"tollgate/models/assignment"
	"tollgate/models/plural"
	"tollgate/models/profile"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// PauseForm asks before all copies of a profile are paused, or resumed.
type PauseForm struct {
	Profile      profile.Profile
	Hit          assignment.Pausable
	Pause        bool
	MayViewUsers bool
}

// Title is the question.
func (f PauseForm) Title() string {
	if f.count() == 0 {
		return plural.Choose(f.Pause, "Nothing to pause", "Nothing to resume")
	}
	return plural.Choose(f.Pause, "Pause", "Resume") + " access of " + plural.Of(f.count(), "holder") + " of " + f.Profile.Name + "?"
}

func (f PauseForm) count() int64 {
	if f.Pause {
		return f.Hit.Active
	}
	return f.Hit.Together
}

func (f PauseForm) more() int64 { return f.count() - int64(len(f.Hit.Holders)) }

func (f PauseForm) confirm() ui.Confirm {
	href := policytext.ProfileHref(f.Profile.ID)
	confirm := ui.Confirm{
		Action: href + plural.Choose(f.Pause, "/pause", "/resume"), Cancel: href,
		Verb: plural.Choose(f.Pause, "Pause", "Resume") + " access of " + plural.Of(f.count(), "holder"),
	}
	if f.count() == 0 {
		confirm.Blocked = f.nothing()
		return confirm
	}
	if f.Pause {
		confirm.Effects = []string{
			"Their calls by " + f.Profile.Name + " are refused within a second, and told that it is paused.",
			"Keys stay, and what other profiles grant keeps working. What was used, raises and versions stay as they are.",
			"The profile can be edited meanwhile. A push passes over paused copies.",
			"Users who get the profile from now on are not paused. Archive it to offer it to no further user.",
		}
	} else {
		confirm.Effects = []string{
			"They may use what " + f.Profile.Name + " grants again, within a second.",
			"Copies that missed a push meanwhile are behind: push the profile afterwards.",
		}
	}
	if n := f.Hit.Alone; n > 0 {
		confirm.Effects = append(confirm.Effects, plural.Of(n, "more copy", "more copies")+plural.Choose(n == 1, " was", " were")+
			" paused one by one, and"+plural.Choose(n == 1, " stays", " stay")+" paused when this is resumed.")
	}
	return confirm
}

// nothing says why there is nothing to pause or resume.
func (f PauseForm) nothing() string {
	switch {
	case !f.Pause:
		return "No copy of " + f.Profile.Name + " was paused together with all others."
	case f.Hit.Together+f.Hit.Alone == 0:
		return "No user holds a copy of " + f.Profile.Name + "."
	}
	return "Every copy of " + f.Profile.Name + " is paused already."
}
