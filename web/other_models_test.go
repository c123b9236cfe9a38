package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A wrong name under "Other models" is linked from the summary and marked there; a wrong list is marked where there is
// something to tick.
func TestOtherModelsAreMarked(t *testing.T) {
	c := webtest.NewCast(t)
	c.AddProvider("bare")
	c.AddProvider("stocked", "one", "two")
	save := func(provider string, more ...string) webtest.Answer {
		form := url.Values{
			"name": {"Marked"}, "provider_configs[p1].provider_name": {provider}, "op": {"save"},
			"provider_configs[p1].all_models_allowed": {"false"},
		}
		for i := 0; i+1 < len(more); i += 2 {
			form.Add("provider_configs[p1]."+more[i], more[i+1])
		}
		return c.Session.Post("/access-profiles", form).Is(422)
	}
	const id = "provider_configs-p1-allowed_models"
	wrong := func(page webtest.Answer, want string) {
		t.Helper()
		var links []string
		for _, link := range page.All("a") {
			if href := webtest.Attribute(link, "href"); strings.HasPrefix(href, "#"+id) {
				links = append(links, strings.TrimPrefix(href, "#"+id))
			}
		}
		ticks := len(page.All("input", "name", "provider_configs[p1].allowed_models", "aria-invalid", "true"))
		other := webtest.Attribute(page.One("textarea", "id", id+"-other"), "aria-invalid")
		webtest.Same(t, "marked", fmt.Sprintf("%q ticks %d other %q", links, ticks, other), want)
	}
	wrong(save("stocked", "allowed_models", "one", "allowed_models", "house\nhouse"), `["-other"] ticks 0 other "true"`)
	wrong(save("stocked", "allowed_models", "one", "allowed_models", "one"), `[""] ticks 2 other ""`)
	wrong(save("stocked", "allowed_models", "one", "allowed_models", "*"), `[""] ticks 2 other ""`)
	wrong(save("bare", "allowed_models", "*\nhouse"), `["-other"] ticks 0 other "true"`)
}
