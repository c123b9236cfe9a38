package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// A call without a price is never shown as one of $0.00: it is unpriced, and counted beside the sums.
func TestUnpricedCallsAreNotFree(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key, "cost", nil))
	g.admin.counted(event(g.key, "cost", nil))
	for _, by := range []string{"provider", "model", "user", "profile", "day"} {
		page := g.session.get("/usage?group_by=" + by).is(200)
		row := page.all("td", "data-label", "Spend")
		same(t, by+": spend", text(row[len(row)-1]), "unpriced")
		same(t, by+": title", attribute(row[len(row)-1], "title"), "unpriced")
		calls := page.all("td", "data-label", "Unpriced calls")
		same(t, by+": calls", text(calls[len(calls)-1]), "2")
		facts := text(page.all("dl", "class", "facts")[0])
		if !strings.HasPrefix(facts, "Spend unpriced ") || !strings.Contains(facts, "Unpriced 2 calls") {
			t.Errorf("%s: facts %q", by, facts)
		}
		rows := table(t, g.admin.get("/api/usage/export?group_by="+by).is(200).body)
		last := rows[len(rows)-1]
		same(t, by+": CSV", []string{last["cost_usd"], last["unpriced_events"]}, []string{"unpriced", "2"})
	}
	focus := table(t, g.session.get("/usage/export?format=focus").is(200).body)[0]
	same(t, "FOCUS", []string{focus["BilledCost"], focus["EffectiveCost"], focus["ListCost"], focus["ContractedCost"], focus["ChargeDescription"], focus["x_UnpricedEvents"]},
		[]string{"", "", "", "", "openai/gpt-4o (unpriced)", "2"})
	total := g.admin.get("/api/usage").is(200).json()["total"].(object)
	same(t, "API", total["unpriced_events"], any(2.0))

	const note = "2 calls of the last 30 days are unpriced: they are in no amount here."
	for name, page := range map[string]answer{
		"user": g.session.get("/users/" + g.ada).is(200), "quota": g.anonymous().with("Sec-Fetch-Site", "same-origin").post("/quota", url.Values{"virtual_key": {g.key}}).is(200),
	} {
		if !strings.Contains(string(page.body), note) {
			t.Errorf("the page of the %s does not say %q", name, note)
		}
	}
	if page := string(g.session.get("/users/" + g.bob).is(200).body); strings.Contains(page, "unpriced") {
		t.Error("bob has used nothing")
	}

	// Beside a priced call the sum is the known cost, and the count is that of unpriced calls.
	g.admin.counted(event(g.key, "cost", 2))
	facts := text(g.session.get("/usage").is(200).all("dl", "class", "facts")[0])
	if !strings.HasPrefix(facts, "Spend $2.00 ") || !strings.Contains(facts, "Unpriced 2 calls") {
		t.Errorf("facts %q", facts)
	}
	row := table(t, g.admin.get("/api/usage/export").is(200).body)[0]
	same(t, "CSV", fmt.Sprint(row["cost_usd"], " ", row["unpriced_events"]), "2 2")
	// A call that cost 0 is not unpriced.
	g.admin.counted(event(g.key, "cost", 0, "model", "gpt-4o-mini"))
	free := table(t, g.admin.get("/api/usage/export?group_by=model&model=gpt-4o-mini").is(200).body)[0]
	same(t, "free", []string{free["cost_usd"], free["unpriced_events"]}, []string{"0", "0"})
}
