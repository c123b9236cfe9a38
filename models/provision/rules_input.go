package provision

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// RulesInput is the whole list of rules, the first one first.
type RulesInput struct {
	input.Row
	Rules   input.List[RuleInput] `json:"rules"`
	Version input.Value           `json:"version,readonly" form:"version"`
}

// RuleInput is what a client may send of one rule.
type RuleInput struct {
	input.Row
	GroupID        input.Value `json:"group_id"`
	Group          input.Value `json:"group,readonly"`
	RoleID         input.Value `json:"role_id"`
	Role           input.Value `json:"role,readonly"`
	Administrative input.Value `json:"administrative"`
}

const maxRules = 100

// read reads the rules without looking at what there is.
func (in RulesInput) read(r *input.Reader) []Rule {
	if in.Rules.Kind == input.Absent {
		r.Add("rules", "required", "Give the list of rules; [] removes all of them.")
	}
	rules := []Rule{}
	if !input.CheckList(r, "rules", in.Rules, maxRules, "rules") {
		return rules
	}
	for i, row := range in.Rules.Items {
		at := input.Index("rules", i)
		if !r.Object(at, row.Kind, "a rule") {
			continue
		}
		var rule Rule
		if row.GroupID.Kind == input.Absent {
			r.Add(at+".group_id", "required", "Choose a group.")
		}
		rule.GroupID, _ = r.Text(at+".group_id", row.GroupID, input.TextRule{What: "a group", Max: 36, Exact: true})
		rule.RoleID = identity.ReadRole(r, at+".role_id", row.RoleID)
		rule.Administrative, _ = r.Bool(at+".administrative", row.Administrative)
		if rule.GroupID != "" && names(rules, rule.GroupID) {
			r.Add(at+".group_id", "duplicate_group", "Name each group once: the first rule that fits counts.")
		}
		rules = append(rules, rule)
	}
	return rules
}

// check reads the rules and holds them against the groups and roles that there are. What a rule of before has already
// is not checked again. It returns the actor's authorization too. Refusals: Invalid, Forbidden.
func (in RulesInput) check(
	ctx context.Context, tx database.Tx, actor permission.Actor, connectionID int64, before []Rule,
) ([]Rule, *identity.Authorization, error) {
	r := &input.Reader{}
	rules := in.read(r)
	if err := problem.InvalidInput(r.Problems); err != nil {
		return nil, nil, err
	}
	roles := []int64{}
	for _, rule := range rules {
		roles = append(roles, rule.RoleID)
	}
	auth, err := identity.Claim{Needed: permission.UpdateSettings, Roles: roles, Shared: true}.Lock(ctx, tx, actor)
	if err != nil {
		return nil, nil, err
	}
	var groups []struct{ ID, Name string }
	err = tx.NewRaw("SELECT id::text AS id, display_name AS name FROM scim_groups WHERE connection_id = ?", connectionID).
		Scan(ctx, &groups)
	if err != nil {
		return nil, nil, fmt.Errorf("look up the groups of a directory: %w", err)
	}
	for i := range rules {
		for _, g := range groups {
			if g.ID == rules[i].GroupID {
				rules[i].Group = g.Name
			}
		}
		if err := checkRule(r, auth, &rules[i], i, before); err != nil {
			return nil, nil, err
		}
	}
	return rules, auth, problem.InvalidInput(r.Problems)
}

// checkRule checks one rule, and fills in the name of its role.
func checkRule(r *input.Reader, auth *identity.Authorization, rule *Rule, i int, before []Rule) error {
	at := "rules[" + strconv.Itoa(i) + "]"
	if rule.Group == "" {
		r.Add(at+".group_id", "unknown_group", "Choose a group of this connection.")
	}
	known := slices.ContainsFunc(before, func(b Rule) bool { return b.GroupID == rule.GroupID && b.RoleID == rule.RoleID })
	role, there := auth.Roles[rule.RoleID]
	if rule.Role = role.Name; !known || !there {
		if _, err := auth.Grant(at+".role_id", rule.RoleID); err != nil {
			return err
		}
	}
	if permission.Administrative(role.Permissions) && !rule.Administrative {
		r.Add(at+".administrative", "administrative_role", "Tick this too: "+problem.Clip(role.Name)+
			" may change users, roles, API keys or settings, and an admin of the directory could give it to any of its users.")
	}
	return nil
}

// Input returns the form input that describes the rules.
func (r Rules) Input() RulesInput {
	in := RulesInput{Rules: input.List[RuleInput]{Kind: input.Array}}
	for i, rule := range r.Rules {
		in.Rules.Items = append(in.Rules.Items, RuleInput{
			Row:     input.Row{Kind: input.Object, Key: "r" + strconv.Itoa(i+1)},
			GroupID: input.FormValue(rule.GroupID), RoleID: input.FormValue(strconv.FormatInt(rule.RoleID, 10)),
			Administrative: input.FormValue(strconv.FormatBool(rule.Administrative)),
		})
	}
	return in
}

// Whole completes an input from a form, which sends every row: none is an empty list, and a box that is not ticked is
// not sent.
func (in RulesInput) Whole() RulesInput {
	in.Rules.Kind = input.Array
	return in
}
