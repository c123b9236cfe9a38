package importer

import (
	"tollgate/models/configfile"
	"tollgate/models/input"
)

// settings reads litellm_settings: the budgets and limits that users begin with.
func (l *litellm) settings(n configfile.Node, path string) {
	for _, name := range []string{"max_budget", "budget_duration"} {
		if value, ok := n.Get(name); ok {
			l.note(Lost, value, join(path, name), "everybody shares it there; a limit here is of one user")
		}
	}
	for _, name := range []string{"max_internal_user_budget", "max_end_user_budget"} {
		duration := "internal_user_budget_duration"
		if name == "max_end_user_budget" {
			duration = "end_user_budget_duration"
		}
		l.budgetOf(n, path, name, duration, "budget_duration")
	}
	if params, ok := n.Get("default_internal_user_params"); ok {
		of := join(path, "default_internal_user_params")
		l.budgetOf(params, of, "max_budget", "budget_duration")
		l.limitOf(params, of)
		if _, listed := params.Get("models"); listed {
			l.only = configfile.Member{Name: of, Node: params}
		}
		l.rest(params, of, Lost, "nothing here does it", "max_budget", "budget_duration", "tpm_limit", "rpm_limit", "models")
	}
	if zone, ok := n.Get("timezone"); ok && l.budget.Kind == input.Array {
		l.zone = zone.Text
		l.note(Carried, zone, join(path, "timezone"), "the time zone of the default profile")
	} else if ok {
		l.note(Stays, zone, join(path, "timezone"), "no budget of the default profile follows it")
	}
	for _, name := range []string{"default_key_generate_params", "upperbound_key_generate_params", "default_team_settings", "default_team_params"} {
		if value, ok := n.Get(name); ok {
			l.note(Lost, value, join(path, name), "keys and teams have no limits of their own here: write a profile")
		}
	}
	l.rest(n, path, Stays, inGateway, "timezone", "max_budget", "budget_duration", "max_internal_user_budget",
		"internal_user_budget_duration", "max_end_user_budget", "end_user_budget_duration", "default_internal_user_params",
		"default_key_generate_params", "upperbound_key_generate_params", "default_team_settings", "default_team_params")
}

// budgetOf reads a budget with the first duration that is there. The default profile has one; a second is not carried.
func (l *litellm) budgetOf(n configfile.Node, path, name string, durations ...string) {
	if row, most, ok := l.readBudget(n, path, name, durations...); ok {
		l.budget = list(row)
		l.note(Carried, most, join(path, name), "the budget of "+l.whose)
	}
}

// readBudget reads a budget that can be kept here; the caller notes what becomes of the amount, most.
func (l *litellm) readBudget(
	n configfile.Node, path, name string, durations ...string,
) (budget, most configfile.Node, ok bool) {
	most, ok = n.Get(name)
	if !ok || most.Kind == input.Null {
		return budget, most, false
	}
	field := join(path, name)
	duration, named := configfile.Node{}, ""
	for _, candidate := range durations {
		if value, ok := n.Get(candidate); ok && named == "" {
			duration, named = value, candidate
		}
	}
	ours, known := budgetWindow(duration.Text)
	switch {
	case most.Kind != input.Number:
		l.note(Lost, most, field, "it is no amount")
	case named == "" || duration.Kind == input.Null:
		l.note(Lost, most, field, "it never resets there; a budget here has a window")
	case !known:
		l.note(Lost, most, field, "no budget here has a window of "+duration.Text)
		l.note(Lost, duration, join(path, named), "it is that of a budget that is lost")
	case l.budget.Kind == input.Array:
		l.note(Lost, most, field, l.whose+" has a budget already")
		l.note(Lost, duration, join(path, named), "it is that of a budget that is lost")
	default:
		row := []any{"max_limit", number(most.Text), "reset_duration", text(ours)}
		if ours == "1Q" {
			row = append(row, "reset_config", object("quarter_start_month", number("1")))
			l.note(Changed, duration, join(path, named), "90 days become a quarter of the year")
		} else {
			l.note(Carried, duration, join(path, named), ours)
		}
		return object(row...), most, true
	}
	return budget, most, false
}

// limitOf reads the limits of tokens and requests per minute.
func (l *litellm) limitOf(n configfile.Node, path string) {
	pairs := []any{}
	for _, limit := range []struct{ theirs, ours string }{{"tpm_limit", "token"}, {"rpm_limit", "request"}} {
		value, ok := n.Get(limit.theirs)
		switch {
		case !ok || value.Kind == input.Null:
		case value.Kind != input.Number:
			l.note(Lost, value, join(path, limit.theirs), "it is no number")
		default:
			pairs = append(pairs, limit.ours+"_max_limit", number(value.Text), limit.ours+"_reset_duration", text("1m"))
			l.note(Carried, value, join(path, limit.theirs), "a limit per minute of "+l.whose)
		}
	}
	if len(pairs) > 0 {
		l.rate = object(pairs...)
	}
}

func (l *litellm) general(n configfile.Node, path string) {
	if auth, ok := n.Get("custom_auth"); ok {
		l.note(Stays, auth, join(path, "custom_auth"), "docs/litellm_auth.py asks Tollgate in its place")
	}
	l.rest(n, path, Stays, inGateway, "custom_auth")
}

func (l *litellm) router(n configfile.Node, path string) {
	if budgets, ok := n.Get("provider_budget_config"); ok {
		l.note(Lost, budgets, join(path, "provider_budget_config"), "everybody shares it there; a limit here is of one user")
	}
	l.rest(n, path, Stays, inGateway, "provider_budget_config")
}

// server reads an MCP server.
func (l *litellm) server(m configfile.Member, path string) {
	n := m.Node
	address, _ := n.Get("url")
	tools, listed := n.Get("allowed_tools")
	url := configfile.Node{}
	switch {
	case address.Kind == input.String && address.Text != "":
		url = text(address.Text)
		l.note(Carried, at(m), path, "the MCP server "+m.Name)
	default:
		l.note(Changed, at(m), path, "a server that the gateway starts itself has no address here")
	}
	if listed {
		l.note(Carried, tools, join(path, "allowed_tools"), "the tools that are known of the server")
	}
	if refused, ok := n.Get("disallowed_tools"); ok {
		l.note(Lost, refused, join(path, "disallowed_tools"), "grant the tools that may be called "+
			"in a profile or a tool group")
	}
	l.rest(n, path, Stays, inGateway, "url", "allowed_tools", "disallowed_tools")
	l.Servers = append(l.Servers, object("kind", text("mcp_client"), "client_id", text(m.Name), "name", text(m.Name), "url", url,
		"tools", texts(stringsOf(tools))))
}
