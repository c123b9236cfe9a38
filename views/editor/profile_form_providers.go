package editor

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tollgate/models/input"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

type providerCard struct {
	Key, ID, Title  string
	Note            string // the card in one line
	Wrong, Open     bool
	Provider        ui.Field
	Options         []ui.Option
	AllModels       ui.Choice
	ModelsName      string
	ModelsID        string
	ModelsError     string
	Models          []ui.Option
	Picked          string // "3 of 18"
	OtherModels     ui.Field
	RefuseUnpriced  ui.Field
	RefusesUnpriced bool
	Budgets         budgetLines
	Rate            []rateFields
}

// openCards is how many cards stand open side by side; more are closed to one line each.
const openCards = 2

func (m *formBuilder) providers(in profile.Input) []providerCard {
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
		card.Open = card.Wrong || provider == "" || len(in.ProviderConfigs.Items) <= openCards ||
			strings.HasPrefix(m.Focus, name+".")
		cards = append(cards, card)
	}
	return cards
}

func (m *formBuilder) models(card *providerCard, path, name string, config policy.ProviderConfigInput) {
	all := config.AllModelsAllowed.Text == "true"
	flag := m.field(path+".all_models_allowed", name+".all_models_allowed", config.AllModelsAllowed, ui.Field{})
	card.AllModels = ui.Choice{
		Name: flag.Name, Legend: "Which models", HideLegend: true, Inline: true, Error: flag.Error,
		Options: []ui.Option{
			{Value: "true", Label: "Every model, including future models", Chosen: all},
			{Value: "false", Label: "Only picked models", Chosen: !all},
		},
	}
	picked, offered := m.pickedModels(card, path, name, config)
	card.RefuseUnpriced = m.field(path+".refuse_unpriced", name+".refuse_unpriced", input.FormValue("true"), ui.Field{
		Label: "Refuse models without a price",
		Hint:  "A call whose cost is unknown counts as nothing in a budget. Prices are set at the provider.",
	})
	card.RefusesUnpriced = config.RefuseUnpriced.Text == "true"
	switch {
	case all:
		card.Note = "every model"
	case picked == 0:
		card.Note = "no model: every call is refused"
	default:
		card.Note = policytext.PickedOf(picked, offered, config.ProviderName.Text, "model")
	}
	card.Note += m.limitNote(config.ProviderName.Text)
}

// pickedModels makes the list of models to tick and the text area for others, each with its own problems, and counts
// the models that are picked and those that are offered.
func (m *formBuilder) pickedModels(
	card *providerCard, path, name string, config policy.ProviderConfigInput,
) (picked, offered int) {
	models, chosen := m.Catalogue.Models(config.ProviderName.Text), map[string]bool{}
	list := path + ".allowed_models"
	card.ModelsName = name + ".allowed_models"
	card.ModelsID = ui.FieldID(card.ModelsName)
	card.OtherModels = ui.Field{
		ID: card.ModelsID + "-other", Name: card.ModelsName, Label: "Other models", Optional: true, Rows: 2, Width: "wide",
		Hint: "Models the catalogue does not list, one a line.",
	}
	var others, ticksWrong, othersWrong []string
	if m.ids[list] = card.ModelsID; len(models) > 0 {
		ticksWrong = m.Problems.At(list)
	} else {
		m.ids[list], othersWrong = card.OtherModels.ID, m.Problems.At(list)
	}
	for i, model := range config.AllowedModels.Items {
		item := input.Index(list, i)
		chosen[model.Text] = true
		if slices.Contains(models, model.Text) {
			m.ids[item], ticksWrong = card.ModelsID, append(ticksWrong, m.Problems.At(item)...)
			continue
		}
		m.ids[item], othersWrong = card.OtherModels.ID, append(othersWrong, m.Problems.At(item)...)
		others = append(others, model.Text)
	}
	for _, model := range ui.PickedFirst(models, m.PickedBefore[config.ProviderName.Text]) {
		card.Models = append(card.Models, ui.Option{Value: model, Label: model, Chosen: chosen[model]})
	}
	card.OtherModels.Value, card.OtherModels.Error = strings.Join(others, "\n"), strings.Join(othersWrong, " ")
	card.ModelsError = strings.Join(ticksWrong, " ")
	card.Picked = plural.Count(int64(len(chosen)-len(others))) + " of " + plural.Count(int64(len(models)))
	return len(chosen), len(models)
}

// limitNote says what limits a provider, as far as it can be read.
func (m *formBuilder) limitNote(provider string) string {
	note := ""
	for _, config := range m.Draft.ProviderConfigs {
		if config.ProviderName != provider {
			continue
		}
		for _, budget := range config.Budgets {
			if budget.ResetDuration != "" {
				note += " · " + policytext.SpendLine(budget)
			}
		}
		for _, line := range policytext.RateLines(config.RateLimit) {
			note += " · " + line
		}
		return note
	}
	return note
}

func (m *formBuilder) providerOptions(chosen string) []ui.Option {
	options := []ui.Option{{Label: "Choose a provider"}}
	for _, p := range m.Catalogue.Providers {
		options = append(options, ui.Option{Value: p.Name, Label: p.Name, Chosen: p.Name == chosen})
	}
	if chosen != "" && !slices.ContainsFunc(options, func(o ui.Option) bool { return o.Chosen }) {
		options = append(options, ui.Option{Value: chosen, Label: chosen + " (not in the catalogue)", Chosen: true})
	}
	return options
}

func (m *formBuilder) unusedProviders() []ui.Option {
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
