package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestLongPicker finds a few of 500 models, ticks them, and saves.
func TestLongPicker(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			provider := "vast-" + strings.ToLower(strings.Fields(way.name)[0])
			s.console.made(t, "/api/providers", `{"name": "`+provider+`", "models": [`+manyModels()+`]}`)
			s.to("/access-profiles/new")
			s.fill("Name", "Many models "+way.name)
			s.addProvider(provider)
			card := s.card(provider)
			var want []string
			for n := range 10 {
				want = append(want, fmt.Sprintf("model-42%d", n))
			}
			if way.plain {
				for _, model := range want {
					s.must(card.GetByLabel(model, exactly).Check())
				}
			} else {
				s.fill("Filter models of "+provider, "MODEL 42")
				s.must(expect(s.models(provider)).ToHaveCount(15))
				s.fill("Filter models of "+provider, "model-42")
				s.must(expect(s.models(provider)).ToHaveCount(10))
				s.click(card.GetByRole("button", buttonNamed("Tick shown")))
				s.sees(s.text("10 matching, 10 of 500"))
				s.fill("Filter models of "+provider, "no such")
				s.sees(s.text("Nothing matches."))
				s.fill("Filter models of "+provider, "")
				s.must(expect(s.models(provider)).ToHaveCount(500))
			}
			s.click(s.button("Create profile"))
			s.sees(s.text("Many models " + way.name + " was created."))
			config := s.console.profile(t, "Many models "+way.name)["provider_configs"].([]any)[0].(object)
			same(t, "models", fmt.Sprint(config["allowed_models"]), fmt.Sprint(want))
		})
	}
}

func manyModels() string {
	var models []string
	for n := range 500 {
		models = append(models, fmt.Sprintf(`"model-%03d"`, n))
	}
	return strings.Join(models, ",")
}

func buttonNamed(name string) playwright.LocatorGetByRoleOptions {
	return playwright.LocatorGetByRoleOptions{Name: name, Exact: playwright.Bool(true)}
}

func filterText(text string) playwright.LocatorFilterOptions {
	return playwright.LocatorFilterOptions{HasText: text}
}
