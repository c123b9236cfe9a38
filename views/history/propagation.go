package history

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/models/catalogue"
	"tollgate/models/fieldgroup"
	"tollgate/models/input"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/models/propagation"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// PropagationForm asks which fields of a profile go to whom.
type PropagationForm struct {
	Profile  profile.Profile
	Roles    []propagation.RoleHolders
	Input    propagation.Input
	Problems problem.Problems
	Last     *propagation.Job // nil when there was none
	LastHref string
	Behind   int64 // holders whose copy is older than the profile
	Now      time.Time
}

func (f PropagationForm) href() string { return policytext.ProfileHref(f.Profile.ID) + "/propagate" }

// reach says which copies a propagation would reach.
func (f PropagationForm) reach() string {
	said := plural.Of(f.holders(), "user") + plural.Choose(f.holders() == 1, " holds ", " hold ") + f.Profile.Name
	if f.Behind == 0 {
		return said + ", all as it stands now."
	}
	return said + "; " + plural.Count(f.Behind) + plural.Choose(f.Behind == 1, " is", " are") + " behind."
}

// holders is how many copies there are.
func (f PropagationForm) holders() int64 {
	var n int64
	for _, role := range f.Roles {
		n += role.Holders
	}
	return n
}

func hasText(list input.List[input.Value], text string) bool {
	return slices.ContainsFunc(list.Items, func(v input.Value) bool { return v.Text == text })
}

func (f PropagationForm) fields() ui.Choice {
	c := ui.Choice{
		Name: "fields", Legend: "What",
		Hint: "The other fields of the copies stay as they are. Aligned windows go along with budgets and rate limits, " +
			"and what happens without the database with providers.",
		Error: ui.FirstBelow(f.Problems, "fields"),
	}
	untouched := len(f.Input.Fields.Items) == 0 && len(f.Problems) == 0
	for _, field := range fieldLabels {
		if slices.Contains(fieldgroup.Names, field.name) {
			c.Options = append(c.Options, ui.Option{
				Value: field.name, Label: field.label, Chosen: untouched || hasText(f.Input.Fields, field.name),
			})
		}
	}
	return c
}

func (f PropagationForm) groups() ui.Choice {
	c := ui.Choice{
		Name: "group_ids", Legend: "Only members of",
		Hint:  "Tick none, and name no user, to reach every holder of the profile.",
		Error: ui.FirstBelow(f.Problems, "group_ids"),
	}
	for _, role := range f.Roles {
		id := strconv.FormatInt(role.RoleID, 10)
		c.Options = append(c.Options, ui.Option{
			Value: id, Label: role.Name, Hint: plural.Of(role.Holders, "holder"), Chosen: hasText(f.Input.GroupIDs, id),
		})
	}
	return c
}

func (f PropagationForm) summary() []ui.ProblemLink {
	return ui.ListLinks(ui.LineLinks(f.Problems, "emails"), f.Problems, "fields", "group_ids")
}

// PreviewPage is what a propagation would do.
type PreviewPage struct {
	Profile      profile.Profile
	Input        propagation.Input
	Plan         propagation.Plan
	Changes      []previewedChange
	Over         []overHolder
	MayViewUsers bool
	Token        string // lets the preview be applied once
}

type previewedChange struct {
	Title   string // "12 holders change"
	Rows    []DifferenceRow
	Targets []propagation.Target

	Gained, Lost []string // tools
	NotWhole     []string // servers
}

// PreviewOf writes a plan out.
func PreviewOf(
	plan propagation.Plan, in propagation.Input, offered catalogue.Catalogue, mayViewUsers bool,
) PreviewPage {
	p := PreviewPage{
		Profile: plan.Profile, Input: in, Plan: plan, Over: overByHolder(plan.Over), MayViewUsers: mayViewUsers,
	}
	for _, change := range plan.Changes {
		p.Changes = append(p.Changes, previewedChange{
			Gained: toolNames(change.Gained), Lost: toolNames(change.Lost), NotWhole: change.NotWhole,
			Title: plural.Of(len(change.Targets), "holder") + plural.Choose(len(change.Targets) == 1, " changes", " change"),
			Rows:  Differences(change.Before, change.After, offered), Targets: change.Targets,
		})
	}
	return p
}

// overHolder is a user who has used up limits that are propagated.
type overHolder struct {
	Target  propagation.Target
	Limits  []string
	Already bool // each of these limits blocks them now too
}

// overByHolder lists holders by name, those who are newly blocked first.
func overByHolder(over []propagation.OverLimit) []overHolder {
	var holders []overHolder
	place := map[string]int{}
	for _, o := range over {
		i, known := place[o.Target.UserID]
		if !known {
			i = len(holders)
			place[o.Target.UserID] = i
			holders = append(holders, overHolder{Target: o.Target, Already: true})
		}
		holders[i].Limits, holders[i].Already = append(holders[i].Limits, overLimit(o)), holders[i].Already && o.Already
	}
	slices.SortStableFunc(holders, func(a, b overHolder) int {
		switch {
		case a.Already == b.Already:
			return strings.Compare(a.Target.Name, b.Target.Name)
		case b.Already:
			return -1
		}
		return 1
	})
	return holders
}

func (p PreviewPage) overTitle() string {
	if n := p.blockedNow(); n > 0 {
		return plural.Of(n, "holder") + plural.Choose(n == 1, " is", " are") + " blocked the moment it applies"
	}
	return "Blocked already"
}

func (p PreviewPage) href() string { return policytext.ProfileHref(p.Profile.ID) + "/propagate" }

func (p PreviewPage) changed() int { return p.Plan.Affected() - len(p.Plan.Unchanged) }

// applies reports whether there is anything to apply.
func (p PreviewPage) applies() bool {
	return p.changed() > 0 || p.Plan.ResetUsage && p.Plan.Affected() > 0
}

// hidden are the fields that the preview was made of.
func (p PreviewPage) hidden() []ui.Field {
	var fields []ui.Field
	add := func(name string, list input.List[input.Value]) {
		for _, v := range list.Items {
			fields = append(fields, ui.Field{Name: name, Value: v.Text})
		}
	}
	add("fields", p.Input.Fields)
	add("group_ids", p.Input.GroupIDs)
	add("user_ids", p.Input.UserIDs)
	if pasted := p.Input.Emails.Items; len(pasted) > 0 {
		lines := make([]string, len(pasted))
		for i, v := range pasted {
			lines[i] = v.Text
		}
		fields = append(fields, ui.Field{Name: "emails", Value: strings.Join(lines, "\n")}) // a form has few fields
	}
	if p.Input.ResetUsage.Text == "true" {
		fields = append(fields, ui.Field{Name: "reset_usage", Value: "true"})
	}
	return append(
		fields, ui.Field{Name: "version", Value: strconv.FormatInt(p.Profile.Version, 10)},
		ui.Field{Name: "preview", Value: p.Token},
	)
}

func (p PreviewPage) verb() string {
	if p.changed() == 0 {
		return "Reset the usage of " + plural.Of(p.Plan.Affected(), "holder")
	}
	if p.Plan.ResetUsage {
		return "Apply to " + plural.Of(p.Plan.Affected(), "holder") + " and reset their usage"
	}
	return "Apply to " + plural.Of(p.changed(), "holder")
}

// blockedNow counts the holders whom the propagation would block at once, and who are not blocked already.
func (p PreviewPage) blockedNow() int {
	users := map[string]bool{}
	for _, over := range p.Plan.Over {
		if !over.Already {
			users[over.Target.UserID] = true
		}
	}
	return len(users)
}

func overLimit(o propagation.OverLimit) string {
	return policytext.ScopeWord(o.Scope) + ": " + policytext.AmountOf(o.Kind, o.Used) + " of " + policytext.CapOf(o.Kind, o.Limit) + " / " +
		ui.Unit(o.ResetDuration)
}

// skipWords says why a user gets nothing.
func skipWords(reason string) string {
	switch reason {
	case "inactive":
		return "their copy is paused"
	case "expired":
		return "their copy has expired"
	case "no_copy":
		return "they hold no copy"
	case "gone":
		return "they lost their copy meanwhile"
	}
	return reason
}

// PropagationPage is a propagation that is running or done.
type PropagationPage struct {
	Profile                profile.Profile
	Job                    propagation.Job
	Href                   string
	MayViewUsers, MayRetry bool
}

func (p PropagationPage) parts() int {
	if p.Job.Total() == 0 {
		return 100
	}
	return int((p.Job.Total() - p.Job.Waiting) * 100 / p.Job.Total())
}

// result says how a propagation ended.
func (p PropagationPage) result() string {
	said := plural.Of(p.Job.Done, "holder") + " of " + p.Profile.Name + plural.Choose(p.Job.Done == 1, " has", " have") +
		" the " + fieldWords(p.Job.Fields) +
		" of version " + strconv.FormatInt(p.Job.ToVersion, 10) + "."
	if p.Job.ResetUsage {
		said += " What was used starts at zero."
	}
	return said
}

func fieldWords(fields []string) string {
	var words []string
	for _, field := range fieldLabels {
		if slices.Contains(fields, field.name) {
			words = append(words, ui.LowerFirst(field.label))
		}
	}
	return ui.Sequence(words)
}
