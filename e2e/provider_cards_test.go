package e2e

import (
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestProviderCards opens the one card that is to be changed: the others stay in one line, models are offered only
// where some are picked, and a problem opens its card.
func TestProviderCards(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			path := s.console.create(t, `{"provider_configs": [
				{"provider_name": "anthropic", "all_models_allowed": true, "budgets": [{"max_limit": 50, "reset_duration": "1d"}]},
				{"provider_name": "openai", "allowed_models": ["o3", "gpt-5-mini"]}, {"provider_name": "groq", "all_models_allowed": true}],
				"name": "Carded `+way.name+`"}`)
			s.to(path + "/edit")
			for provider, said := range map[string]string{
				"anthropic": "every model · $50.00 / day", "openai": "2 of 18 openai models", "groq": "every model",
			} {
				s.says(s.summary(provider), said)
				s.must(expect(s.card(provider).GetByLabel("Provider", exactly)).ToBeHidden())
			}
			s.must(s.summary("anthropic").Focus())
			s.press("Enter")
			s.sees(s.field("Amount of budget 1 for anthropic"))
			picker := s.card("anthropic").GetByRole("list", playwright.LocatorGetByRoleOptions{Name: "Models of anthropic"})
			s.must(expect(picker).ToBeHidden())
			s.must(s.card("anthropic").GetByLabel("Only picked models").Check())
			s.sees(picker)
			s.must(s.card("anthropic").GetByLabel("Every model, including future models").Check())
			s.must(expect(picker).ToBeHidden())

			s.unfold("openai")
			if !way.plain { // without scripts the order is that of the page as it came
				s.must(s.models("openai").Nth(4).Check())
				s.says(s.summary("openai"), "3 of 18 openai models")
				s.must(expect(s.models("openai").Nth(4)).ToBeChecked())
				s.sees(s.field("Amount of budget 1 for anthropic"))
			}
			for place, model := range []string{"gpt-5-mini", "o3"} {
				s.must(expect(s.models("openai").Nth(place)).ToHaveValue(model))
			}
			s.fill("Amount of budget 1 for anthropic", "fifty")
			s.click(s.summary("openai"))
			s.click(s.summary("anthropic"))
			s.click(s.button("Save"))
			s.focused(s.Locator("#problems"))
			s.sees(s.field("Amount of budget 1 for anthropic"))
			s.must(expect(s.models("openai").First()).ToBeHidden())
		})
	}
}

func (s *screen) summary(provider string) playwright.Locator {
	return s.card(provider).Locator("summary")
}
