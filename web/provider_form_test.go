package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"tollgate/web/webtest"
)

// The form of a provider names the models that have no price, also while it is corrected.
func TestProviderFormNamesModelsWithoutAPrice(t *testing.T) {
	c := webtest.NewCast(t)
	c.AddProvider("priced", "one", "two", "priced/three")
	c.Admin.API("PUT", "/api/providers/priced",
		`{"prices":[{"model":"three","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":2}]}`).Is(http.StatusOK)
	edit := c.Session.Get("/providers/priced/edit").Is(http.StatusOK)
	webtest.Same(t, "note", webtest.Text(edit.One("div", "role", "note")),
		"2 models have no price one, two. A call of one that a gateway reports without a cost stays unpriced.")

	form := url.Values{"models": {"one\ntwo"}, "price_lines": {"one 1 2\ntwo 3 four"}}
	refused := c.Session.Save("/providers/priced", form).Is(http.StatusUnprocessableEntity)
	webtest.Same(t, "notes", len(refused.All("div", "role", "note")), 0)
}
