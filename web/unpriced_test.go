package web_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A call without a price is never shown as one of $0.00: it is unpriced, and counted beside the sums.
func TestUnpricedCallsAreNotFree(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "cost", nil))
	g.Admin.Counted(webtest.Event(g.Key, "cost", nil))
	for _, by := range []string{"provider", "model", "user", "profile", "day"} {
		page := g.Session.Get("/usage?group_by=" + by).Is(200)
		row := page.All("td", "data-label", "Spend")
		webtest.Same(t, by+": spend", webtest.Text(row[len(row)-1]), "unpriced")
		webtest.Same(t, by+": title", webtest.Attribute(row[len(row)-1], "title"), "unpriced")
		calls := page.All("td", "data-label", "Unpriced calls")
		webtest.Same(t, by+": calls", webtest.Text(calls[len(calls)-1]), "2")
		facts := webtest.Text(page.All("dl", "class", "facts")[0])
		if !strings.HasPrefix(facts, "Spend unpriced ") || !strings.Contains(facts, "Unpriced 2 calls") {
			t.Errorf("%s: facts %q", by, facts)
		}
		rows := webtest.Table(t, g.Admin.Get("/api/usage/export?group_by="+by).Is(200).Body)
		last := rows[len(rows)-1]
		webtest.Same(t, by+": CSV", []string{last["cost_usd"], last["unpriced_events"]}, []string{"unpriced", "2"})
	}
	focus := webtest.Table(t, g.Session.Get("/usage/export?format=focus").Is(200).Body)[0]
	webtest.Same(t, "FOCUS", []string{focus["BilledCost"], focus["EffectiveCost"], focus["ListCost"], focus["ContractedCost"], focus["ChargeDescription"], focus["x_UnpricedEvents"]},
		[]string{"", "", "", "", "openai/gpt-4o (unpriced)", "2"})
	total := g.Admin.Get("/api/usage").Is(200).JSON()["total"].(webtest.Object)
	webtest.Same(t, "API", total["unpriced_events"], any(2.0))

	const note = "2 calls of the last 30 days are unpriced: they are in no amount here."
	for name, page := range map[string]webtest.Answer{
		"user": g.Session.Get("/users/" + g.Ada).Is(200), "own": g.Login(webtest.Ada).Get("/me").Is(200),
	} {
		if !strings.Contains(string(page.Body), note) {
			t.Errorf("the page of the %s does not say %q", name, note)
		}
	}
	if page := string(g.Session.Get("/users/" + g.Bob).Is(200).Body); strings.Contains(page, "unpriced") {
		t.Error("bob has used nothing")
	}

	// Beside a priced call the sum is the known cost, and the count is that of unpriced calls.
	g.Admin.Counted(webtest.Event(g.Key, "cost", 2))
	facts := webtest.Text(g.Session.Get("/usage").Is(200).All("dl", "class", "facts")[0])
	if !strings.HasPrefix(facts, "Spend $2.00 ") || !strings.Contains(facts, "Unpriced 2 calls") {
		t.Errorf("facts %q", facts)
	}
	row := webtest.Table(t, g.Admin.Get("/api/usage/export").Is(200).Body)[0]
	webtest.Same(t, "CSV", fmt.Sprint(row["cost_usd"], " ", row["unpriced_events"]), "2 2")
	// A call that cost 0 is not unpriced.
	g.Admin.Counted(webtest.Event(g.Key, "cost", 0, "model", "gpt-4o-mini"))
	free := webtest.Table(t, g.Admin.Get("/api/usage/export?group_by=model&model=gpt-4o-mini").Is(200).Body)[0]
	webtest.Same(t, "free", []string{free["cost_usd"], free["unpriced_events"]}, []string{"0", "0"})
}
