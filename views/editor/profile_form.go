package editor

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tollgate/models/catalogue"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/ui"
)

// Editor is what the editor shows: the input as it was typed, what is wrong with it, and what there is to pick
// from.
type Editor struct {
	ID           int64 // 0 for a new profile
	Title        string
	Version      string
	Base         string // the version edited, while a late save is being settled
	Checked      bool   // problems have been shown
	Refused      bool   // it was to be saved and could not be
	Input        profile.Input
	Problems     problem.Problems
	Draft        profile.Profile  // the input as far as it can be read
	Unread       problem.Problems // why the draft lacks the rest
	Catalogue    catalogue.Catalogue
	PickedBefore map[string][]string // models that the version edited picks, by provider
	Focus        string              // name of the input that takes the focus
	BaseURL      string
	Body         string // the input as the API takes it
	Now          time.Time
	Conflict     *EditConflict
	Blast        *Blast // nil for a new profile
}

// profileForm is the editor with every field made; the templates only print it.
type profileForm struct {
	Action, Submit, Cancel  string
	Version, Base           string
	Checked, Refused        bool
	Summary                 []ui.ProblemLink
	Contents                []contentsLink
	Name, Description, Tags ui.Field
	Providers               []providerCard
	NewProvider             ui.Field
	NewProviderOptions      []ui.Option
	Budgets                 budgetLines
	Rate                    []rateFields
	Aligned                 ui.Field
	AlignedOn               bool
	Zone                    ui.Field
	FailOpen                ui.Field
	Resets                  []resetNote
	Groups, Servers         []ui.Option
	ServersError            string
	GroupsError             string
	Overrides               []overrideRow
	OverridesError          string
	ProvidersError          string
	ToolLists               []toolList
	Grants                  []grantLine
	HasServers              bool
	Review, UnreadLines     []string
	Body, Curl, Request     string
	Conflict                *EditConflict
	Blast                   *Blast
	Note                    ui.Field
}

type contentsLink struct {
	ID, Label string
	Wrong     int
}

type overrideRow struct {
	Server, Tool, Action  ui.Field
	Servers, Actions      []ui.Option
	RemoveOp, RemoveLabel string
}

type toolList struct {
	ID    string
	Tools []string
}

type grantLine struct {
	Server, Note string
	Tools        []string
}

// formBuilder makes fields and remembers where each path stands in the form, so that the summary can link to it.
type formBuilder struct {
	Editor
	ids    map[string]string
	inputs map[string]bool // those of the ids that single inputs have
}

func (m *formBuilder) field(path, name string, v input.Value, f ui.Field) ui.Field {
	f.Name, f.Value = name, v.Text
	f.Error = strings.Join(m.Problems.At(path), " ")
	f.Autofocus = name == m.Focus
	m.ids[path] = ui.FieldID(name)
	m.inputs[m.ids[path]] = true
	return f
}

// windowsInWords names windows as the lists of the form do, where the API names its values: per day instead of 1d.
func windowsInWords(problems problem.Problems) problem.Problems {
	words := slices.Clone(problems)
	for i := range words {
		if asked, _, found := strings.Cut(words[i].Message, " resets: 1h,"); found {
			words[i].Message = asked + " resets, such as per day or per month."
		}
	}
	return words
}

// form makes the whole form.
func (e Editor) form() profileForm {
	e.Problems = windowsInWords(e.Problems)
	m := &formBuilder{Editor: e, ids: map[string]string{}, inputs: map[string]bool{}}
	in := e.Input
	f := profileForm{
		Action: "/access-profiles", Submit: "Create profile", Cancel: "/access-profiles", Version: e.Version, Base: e.Base,
		Checked: e.Checked, Refused: e.Refused, Conflict: e.Conflict, Blast: e.Blast,
		Name: m.field("name", "name", in.Name, ui.Field{Label: "Name", Required: true, Width: "wide", Autofocus: false}),
		Description: m.field("description", "description", in.Description,
			ui.Field{
				Label: "Description", Optional: true, Rows: 3, Width: "wide", Hint: "Whom it is for, and who decides about it.",
			}),
		Tags: m.tags(in), Providers: m.providers(in), ProvidersError: strings.Join(e.Problems.At("provider_configs"), " "),
		Budgets: m.budgets("budgets", "budgets", in.Budgets, "add-budget", "remove-budget ", ""),
		Rate:    m.rate("rate_limit", in.RateLimit, ""),
		Aligned: m.field("calendar_aligned", "calendar_aligned", input.FormValue("true"), ui.Field{
			Label: "Align windows to the calendar",
			Hint: "Days start at 00:00, weeks on Monday, months on the 1st. " +
				"Otherwise, and by the hour, windows run from when a holder got the profile.",
		}),
		AlignedOn: in.CalendarAligned.Text == "true",
		Zone: m.field("time_zone", "time_zone", in.TimeZone, ui.Field{
			Label: "Time zone", Optional: true, Width: "medium",
			Attrs: templ.Attributes{"list": "time-zones", "placeholder": "UTC"},
			Hint:  "Of that calendar, like Europe/Berlin; UTC when left empty.",
		}),
		FailOpen: m.field("fail_open_for", "fail_open_for", in.FailOpenFor, ui.Field{
			Label: "Allow calls from memory for", Optional: true, Width: "short", Suffix: "seconds", Attrs: templ.Attributes{"placeholder": "0"},
			Hint: "0 to 300; 0 refuses all calls while the database is away. " +
				"Until 90 % of a limit is used, and only for users this console " +
				"has in memory. A revocation made at another console meanwhile is unknown for as long: the key goes on working.",
		}),
		Review: e.review(), UnreadLines: e.unreadLines(), Body: e.Body,
		HasServers: len(e.Catalogue.Servers) > 0,
	}
	if e.ID != 0 {
		id := strconv.FormatInt(e.ID, 10)
		f.Action, f.Submit, f.Cancel = "/access-profiles/"+id, "Save", "/access-profiles/"+id
	}
	f.Note = m.field("note", "note", in.Note, ui.Field{
		Label: "Why", Optional: true, Width: "wide", MaxLength: 500,
		Hint: "Shown with the version and in the audit log.",
	})
	f.NewProvider = m.field("new_provider", "new_provider", input.Value{}, ui.Field{
		Label: "Provider to add", HideLabel: true, Width: "medium",
	})
	f.NewProviderOptions = m.unusedProviders()
	m.ids["provider_configs"] = "providers"
	m.selections(&f)
	f.Resets = m.resets()
	f.Request, f.Curl = e.curl()
	f.Summary = m.summary()
	f.Contents = m.contents()
	return f
}

func (m *formBuilder) tags(in profile.Input) ui.Field {
	typed := make([]string, len(in.Tags.Items))
	var problems []string
	for i, tag := range in.Tags.Items {
		typed[i] = tag.Text
		problems = append(problems, m.Problems.At("tags["+strconv.Itoa(i)+"]")...)
		m.ids["tags["+strconv.Itoa(i)+"]"] = "tags"
	}
	f := m.field("tags", "tags", input.FormValue(strings.Join(typed, ", ")), ui.Field{
		Label: "Tags", Optional: true, Width: "wide", Hint: "Separate several with commas.",
	})
	f.Error = strings.TrimSpace(f.Error + " " + strings.Join(problems, " "))
	return f
}
