package config

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/models/configdoc"
	"tollgate/models/identityprovider"
	"tollgate/models/input"
)

func (s *state) loadSignIn(ctx context.Context, db bun.IDB) error {
	rows, _, err := identityprovider.List(ctx, db, everything)
	if err != nil {
		return err
	}
	roles, connections := s.namesByID(configdoc.Role), s.namesByID(configdoc.SCIMConnection)
	for _, p := range rows {
		answer := configdoc.AnswerOf(p, roles, connections)
		id := configdoc.IDOf(configdoc.IdentityProvider, p.Slug)
		if err := s.add(&current{ID: id, Name: p.Slug, id: p.ID}, answer); err != nil {
			return err
		}
	}
	return nil
}

func (s *saver) signIn(ctx context.Context, w configdoc.Wanted, old *current) error {
	answer := w.Resource.(configdoc.SignInAnswer)
	in := w.Document.(*configdoc.SignInDocument).Input()
	if answer.DefaultRole != "" {
		in.DefaultRoleID = s.roleID(answer.DefaultRole)
	}
	if answer.Connection != "" {
		in.ConnectionID = idOf(s.connections, answer.Connection)
	}
	var p identityprovider.Provider
	var err error
	if old == nil {
		p, err = identityprovider.Create(ctx, s.tx, s.keys, s.actor, in, identityprovider.Unchecked)
	} else {
		p, err = identityprovider.Update(ctx, s.tx, s.keys, s.actor, old.id, in, identityprovider.Unchecked)
	}
	if err != nil {
		return err
	}
	rules := identityprovider.RulesInput{Row: in.Row, Rules: input.List[identityprovider.RuleInput]{Kind: input.Array}}
	for _, rule := range answer.Rules {
		rules.Rules.Items = append(rules.Rules.Items, identityprovider.RuleInput{
			Row: in.Row, Value: input.SampleText(rule.Value), RoleID: s.roleID(rule.Role),
			Administrative: input.Value{Kind: input.Bool, Text: strconv.FormatBool(rule.Administrative)},
		})
	}
	_, err = identityprovider.SetRules(ctx, s.tx, s.actor, p.ID, rules)
	return err
}

func (s *saver) roleID(name string) input.Value { return idOf(s.roles, name) }

// idOf is the id of what has a name, as input of the API.
func idOf(ids map[string]int64, name string) input.Value {
	return input.SampleNumber(strconv.FormatInt(ids[input.NameKey(name)], 10))
}
