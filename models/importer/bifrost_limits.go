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
		ours, known := window(duration.Text)
		switch {
		case most.Kind != input.Number:
			b.note(Lost, row, path+".budgets", "it has no amount")
			continue
		case !known:
			b.note(Lost, row, path+".budgets", "no window here is as long as "+duration.Text)
			continue
		case duration.Text == "30d":
			b.note(Changed, duration, path+".budgets", "30d becomes 1M, "+
				"which is a month of the calendar in a profile that follows it")
		default:
			b.note(Carried, row, path+".budgets", "$"+most.Text+" per "+ours)
		}
		one := []any{"max_limit", number(most.Text), "reset_duration", text(ours)}
		if ours == "1Q" {
			one = append(one, "reset_config", object("quarter_start_month", number("1")))
		}
		budgets.Kind, budgets.Items = input.Array, append(budgets.Items, object(one...))
	}
	return budgets
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
		ours, known := window(duration.Text)
		switch {
		case most.Kind != input.Number:
		case !known || ours == "1Q":
			b.note(Lost, most, path+".rate_limit."+kind+"_max_limit", "no window here is as long as "+duration.Text)
		default:
			b.note(Carried, most, path+".rate_limit."+kind+"_max_limit", most.Text+" per "+ours)
			pairs = append(pairs, kind+"_max_limit", number(most.Text), kind+"_reset_duration", text(ours))
		}
	}
	if len(pairs) == 0 {
		return configfile.Node{}
	}
	return object(pairs...)
}
