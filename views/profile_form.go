package views

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"tollgate/models/catalogue"
	"tollgate/models/input"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/ui"
)

// ProfileEditor is what the editor shows: the input as it was typed, what is wrong with it, and what there is to pick
// from.
type ProfileEditor struct {
	ID        int64 // 0 for a new profile
	Title     string
	Version   string
	Base      string // the version edited, while a late save is being settled
	Checked   bool   // problems have been shown
	Refused   bool   // it was to be saved and could not be
	Held      bool   // a user holds a copy
	Input     profile.Input
	Problems  problem.Problems
	Draft     profile.Profile  // the input as far as it can be read
	Unread    problem.Problems // why the draft lacks the rest
	Catalogue catalogue.Catalogue
	Focus     string // name of the input that takes the focus
	BaseURL   string
	Body      string // the input as the API takes it
	Now       time.Time
	Conflict  *EditConflict
}

// profileForm is the editor with every field made; the templates only print it.
type profileForm struct {
	Action, Submit, Cancel  string
	Propagates              bool // users hold copies, so a change may be propagated
	Version, Base           string
	Checked, Refused        bool
	Summary                 []ui.ProblemLink
	Contents                []contentsLink
	Name, Description, Tags ui.Field
	Providers               []providerCard
	NewProvider             ui.Field
	NewProviderOptions      []ui.Option
	Budgets                 budgetLines
	Rate                    rateFields
	Aligned                 ui.Field
	AlignedOn               bool
	Zone                    ui.Field
	Resets                  []string
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
}

type contentsLink struct {
	ID, Label string
	Wrong     int
}

type providerCard struct {
	Key, ID, Title, Note string
	Wrong                bool
	Provider             ui.Field
	Options              []ui.Option
	AllModels            ui.Choice
	ModelsName           string
	ModelsID             string
	ModelsError          string
	Models               []ui.Option
	Picked               string
	OtherModels          ui.Field
	RefuseUnpriced       ui.Field
	RefusesUnpriced      bool
	Budgets              budgetLines
	Rate                 rateFields
}

type budgetLines struct {
	Lines     []budgetLine
	Error     string
	AddOp     string
	AddLabel  string
	ErrorID   string
	NoneWords string
}

type budgetLine struct {
	Amount, Window, Quarter ui.Field
	Windows, Quarters       []ui.Option
	Quarterly               bool
	RemoveOp, RemoveLabel   string
	Note                    string
}

type rateFields struct {
	Requests, RequestWindow, Tokens, TokenWindow ui.Field
	RequestWindows, TokenWindows                 []ui.Option
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

// maker makes fields and remembers where each path stands in the form, so that the summary can link to it.
type maker struct {
	ProfileEditor
	ids map[string]string
}

func (m *maker) field(path, name string, v input.Value, f ui.Field) ui.Field {
	f.Name, f.Value = name, v.Text
	f.Error = strings.Join(m.Problems.At(path), " ")
	f.Autofocus = name == m.Focus
	m.ids[path] = ui.FieldID(name)
	return f
}

// form makes the whole form.
func (e ProfileEditor) form() profileForm {
	m := &maker{ProfileEditor: e, ids: map[string]string{}}
	in := e.Input
	f := profileForm{
		Action: "/access-profiles", Submit: "Create profile", Cancel: "/access-profiles", Version: e.Version, Base: e.Base,
		Checked: e.Checked, Refused: e.Refused, Conflict: e.Conflict,
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
			Hint:  "Days start at 00:00, weeks on Monday, months on the 1st. Otherwise windows run from when a holder got the profile.",
		}),
		AlignedOn: in.CalendarAligned.Text == "true",
		Zone: m.field("time_zone", "time_zone", in.TimeZone, ui.Field{
			Label: "Time zone", Optional: true, Width: "medium",
			Attrs: templ.Attributes{"list": "time-zones", "placeholder": "UTC"},
			Hint:  "Of that calendar, like Europe/Berlin; UTC when left empty.",
		}),
		Review: e.review(), UnreadLines: e.unreadLines(), Body: e.Body,
		HasServers: len(e.Catalogue.Servers) > 0,
	}
	if e.ID != 0 {
		id := strconv.FormatInt(e.ID, 10)
		f.Action, f.Submit, f.Cancel = "/access-profiles/"+id, "Save", "/access-profiles/"+id
		f.Propagates = e.Held
	}
	m.ids["provider_configs"] = "new_provider"
	f.NewProvider = m.field("new_provider", "new_provider", input.Value{}, ui.Field{
		Label: "Provider to add", HideLabel: true, Width: "medium",
	})
	f.NewProviderOptions = m.unusedProviders()
	m.selections(&f)
	f.Resets = m.resets()
	f.Request, f.Curl = e.curl()
	f.Summary = m.summary()
	f.Contents = m.contents()
	return f
}

func (m *maker) tags(in profile.Input) ui.Field {
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

func (m *maker) providers(in profile.Input) []providerCard {
	var cards []providerCard
	for i, config := range in.ProviderConfigs.Items {
		path, name := "provider_configs["+strconv.Itoa(i)+"]", "provider_configs["+config.Key+"]"
		provider := config.ProviderName.Text
		card := providerCard{
			Key: config.Key, ID: ui.FieldID(name), Title: provider,
			Provider: m.field(
				path+".provider_name", name+".provider_name", config.ProviderName, ui.Field{Label: "Provider", Width: "medium"},
			),
			Options: m.providerOptions(provider),
			Budgets: m.budgets(path+".budgets", name+".budgets", config.Budgets,
				"add-budget "+config.Key, "remove-budget "+config.Key+" ", cmp.Or(provider, "this provider")),
			Rate: m.rateOf(path+".rate_limit", name+".rate_limit", config.RateLimit, cmp.Or(provider, "this provider")),
		}
		card.Title = cmp.Or(card.Title, "New provider")
		m.models(&card, path, name, config)
		card.Wrong = slices.ContainsFunc(m.Problems, func(p problem.Problem) bool { return strings.HasPrefix(p.Field, path) })
		cards = append(cards, card)
	}
	return cards
}

func (m *maker) models(card *providerCard, path, name string, config policy.ProviderConfigInput) {
	all := config.AllModelsAllowed.Text == "true"
	flag := m.field(path+".all_models_allowed", name+".all_models_allowed", config.AllModelsAllowed, ui.Field{})
	card.AllModels = ui.Choice{
		Name: flag.Name, Legend: "Which models", HideLegend: true, Inline: true, Error: flag.Error,
		Options: []ui.Option{
			{Value: "true", Label: "Every model, including future models", Chosen: all},
			{Value: "false", Label: "Only those selected below", Chosen: !all},
		},
	}
	picked, offered, other := map[string]bool{}, m.Catalogue.Models(config.ProviderName.Text), []string{}
	card.ModelsName = name + ".allowed_models"
	card.ModelsID = ui.FieldID(card.ModelsName)
	problems := m.Problems.At(path + ".allowed_models")
	m.ids[path+".allowed_models"] = card.ModelsID
	for i, model := range config.AllowedModels.Items {
		item := path + ".allowed_models[" + strconv.Itoa(i) + "]"
		picked[model.Text] = true
		if !slices.Contains(offered, model.Text) {
			other = append(other, model.Text)
		}
		problems = append(problems, m.Problems.At(item)...)
		m.ids[item] = card.ModelsID
	}
	for _, model := range offered {
		card.Models = append(card.Models, ui.Option{Value: model, Label: model, Chosen: picked[model]})
	}
	card.ModelsError = strings.Join(problems, " ")
	card.Picked = plural.Count(int64(len(picked)-len(other))) + " of " + plural.Count(int64(len(offered)))
	card.OtherModels = ui.Field{
		ID: card.ModelsID + "-other", Name: card.ModelsName, Label: "Other models", Optional: true, Rows: 2, Width: "wide",
		Value: strings.Join(other, "\n"), Hint: "Models the catalogue does not list, one a line.",
	}
	card.RefuseUnpriced = m.field(path+".refuse_unpriced", name+".refuse_unpriced", input.FormValue("true"), ui.Field{
		Label: "Refuse models without a price",
		Hint:  "A call whose cost is unknown counts as nothing in a budget. Prices are set at the provider.",
	})
	card.RefusesUnpriced = config.RefuseUnpriced.Text == "true"
	switch {
	case all:
		card.Note = "every model"
	case len(picked) == 0:
		card.Note = "no model: every call is refused"
	default:
		card.Note = plural.Of(len(picked), "model")
	}
}

func (m *maker) providerOptions(chosen string) []ui.Option {
	options := []ui.Option{{Label: "Choose a provider"}}
	for _, p := range m.Catalogue.Providers {
		options = append(options, ui.Option{Value: p.Name, Label: p.Name, Chosen: p.Name == chosen})
	}
	if chosen != "" && !slices.ContainsFunc(options, func(o ui.Option) bool { return o.Chosen }) {
		options = append(options, ui.Option{Value: chosen, Label: chosen + " (not in the catalogue)", Chosen: true})
	}
	return options
}

func (m *maker) unusedProviders() []ui.Option {
	used := map[string]bool{}
	for _, config := range m.Input.ProviderConfigs.Items {
		used[config.ProviderName.Text] = true
	}
	var options []ui.Option
	for _, p := range m.Catalogue.Providers {
		if !used[p.Name] {
			options = append(options, ui.Option{Value: p.Name, Label: p.Name})
		}
	}
	return options
}

func (e ProfileEditor) groupNames() GroupNames {
	names := GroupNames{}
	for _, group := range e.Catalogue.Groups {
		names[group.ID] = group.Name
	}
	return names
}
