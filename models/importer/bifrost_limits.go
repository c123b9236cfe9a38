package importer

import (
	"slices"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// budgetsOf are the budgets of a key or of its provider config: nested, by id, or naming what they limit.
func (b *bifrost) budgetsOf(n configfile.Node, path string, owns func(configfile.Node) bool) configfile.Node {
	nested, _ := n.Get("budgets")
	rows := slices.Clone(nested.Items)
	if id, ok := n.Get("budget_id"); ok {
		if row, known := b.budgets[id.Text]; known {
			rows = append(rows, row)
		}
	}
	for _, row := range b.owned {
		if owns(row) {
			rows = append(rows, row)
		}
	}
	budgets := configfile.Node{}
	for _, row := range rows {
		most, _ := row.Get("max_limit")
		duration, _ := row.Get("reset_duration")
		ours, known := budgetWindow(duration.Text)
		switch {
		case most.Kind != input.Number:
			b.note(Lost, row, path+".budgets", "it has no amount")
			continue
		case !known:
			b.note(Lost, row, path+".budgets", "no budget here has a window of "+duration.Text)
			continue
		case ofWindow(budgets, ours) >= 0:
			b.note(Changed, row, path+".budgets", "of two budgets per "+ours+" the lower one is kept")
		case calendars[duration.Text] != "":
			b.note(Changed, duration, path+".budgets", follows(duration.Text, ours))
		default:
			b.note(Carried, row, path+".budgets", "$"+most.Text+" per "+ours)
		}
		one := []any{"max_limit", number(most.Text), "reset_duration", text(ours)}
		if ours == "1Q" {
			one = append(one, "reset_config", object("quarter_start_month", number("1")))
		}
		budgets = lowest(budgets, []configfile.Node{object(one...)})
	}
	return budgets
}

// calendars are the durations whose windows can follow the calendar here, by what they then are.
var calendars = map[string]string{"7d": "week", "30d": "month", "90d": "quarter", "365d": "year"}

func follows(duration, ours string) string {
	return duration + " becomes " + ours + ", which is a " + calendars[duration] + " of the calendar in a profile that follows it"
}

func (b *bifrost) rateOf(n configfile.Node, path string) configfile.Node {
	row, ok := n.Get("rate_limit")
	if id, named := n.Get("rate_limit_id"); named && !ok {
		row = b.rates[id.Text]
	}
	pairs := []any{}
	for _, kind := range []string{"token", "request"} {
		most, _ := row.Get(kind + "_max_limit")
		duration, _ := row.Get(kind + "_reset_duration")
		ours, known := rateWindow(duration.Text)
		field := path + ".rate_limit." + kind + "_max_limit"
		switch {
		case most.Kind != input.Number:
		case !known:
			b.note(Lost, most, field, "no limit of "+kind+"s here has a window of "+duration.Text)
		default:
			class, says := Carried, most.Text+" per "+ours
			if calendars[duration.Text] != "" {
				class, says = Changed, follows(duration.Text, ours)
			}
			b.note(class, most, field, says)
			pairs = append(pairs, kind+"_max_limit", number(most.Text), kind+"_reset_duration", text(ours))
		}
	}
	if len(pairs) == 0 {
		return configfile.Node{}
	}
	return object(pairs...)
}
