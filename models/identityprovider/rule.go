package identityprovider

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// RuleInput is one rule that a client sends.
type RuleInput struct {
	input.Row
	Value          input.Value `json:"value"`
	RoleID         input.Value `json:"role_id"`
	Administrative input.Value `json:"administrative"`
}

// RulesInput is the whole list of rules, in order.
type RulesInput struct {
	input.Row
	Rules   input.List[RuleInput] `json:"rules"`
	Version input.Value           `json:"version"`
}

// MaxValue is how long a value of the groups claim may be that a rule names, in characters.
const MaxValue = 255

const maxRules = 500

// Whole completes an input from a form, of which a list without a row is not sent.
func (in RulesInput) Whole() RulesInput {
	in.Rules.Kind, in.Version = input.Array, input.SentVersion(in.Version)
	return in
}

// read reads the rules. Refusal: Invalid.
func (in RulesInput) read() ([]Rule, error) {
	c := &input.Reader{}
	if in.Rules.Kind == input.Absent {
		c.Add("rules", "required", "Give the list of rules; [] removes all of them.")
	}
	rules := []Rule{}
	if input.CheckList(c, "rules", in.Rules, maxRules, "rules") {
		for i, row := range in.Rules.Items {
			rules = append(rules, row.read(c, input.Index("rules", i), rules))
		}
	}
	return rules, problem.InvalidInput(c.Problems)
}

func (in RuleInput) read(c *input.Reader, field string, before []Rule) (r Rule) {
	if !c.Object(field, in.Kind, "a rule") {
		return r
	}
	c.Required(field+".value", in.Value, "a value of the groups claim")
	r.Value, _ = c.Text(field+".value", in.Value, input.TextRule{What: "a value", Max: MaxValue, Exact: true})
	if r.Value != "" && slices.ContainsFunc(before, func(b Rule) bool { return b.Value == r.Value }) {
		c.Add(field+".value", "duplicate_value", "Remove this rule: an earlier one has the same value, and the first wins.")
	}
	r.RoleID = identity.ReadRole(c, field+".role_id", in.RoleID)
	r.Administrative, _ = c.Bool(field+".administrative", in.Administrative)
	return r
}

// SetRules replaces the rules of a provider; they apply from the next sign-in on. Refusals: NotFound, Invalid, Stale,
// Forbidden for a role that permits more than the actor may do.
func SetRules(ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in RulesInput) (Provider, error) {
	rules, err := in.read()
	if err != nil {
		return Provider{}, err
	}
	var p Provider
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		old, err := load(ctx, tx, tx.NewSelect().Where("p.id = ?", id).For("UPDATE OF p"))
		if err != nil {
			return err
		}
		if err := fresh(in.Version, old); err != nil {
			return err
		}
		p = old
		p.Rules = rules
		if err := mayGive(ctx, tx, actor, p); err != nil {
			return err
		}
		if slices.EqualFunc(rules, old.Rules, func(a, b Rule) bool {
			return a.Value == b.Value && a.RoleID == b.RoleID && a.Administrative == b.Administrative
		}) {
			return nil
		}
		p.Version++
		if p.UpdatedAt, err = database.Clock(ctx, tx); err != nil {
			return err
		}
		if err := saveRules(ctx, tx, p); err != nil {
			return err
		}
		return audit.RecordResource(ctx, tx, actor, "update", resource, strconv.FormatInt(id, 10), record{Provider: old}, record{Provider: p})
	})
	return p, err
}

func saveRules(ctx context.Context, tx database.Tx, p Provider) error {
	if _, err := tx.NewUpdate().Model(&p).Column("version", "updated_at").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("update identity provider %d: %w", p.ID, err)
	}
	if _, err := tx.NewRaw("DELETE FROM identity_provider_rules WHERE provider_id = ?", p.ID).Exec(ctx); err != nil {
		return fmt.Errorf("clear the rules of identity provider %d: %w", p.ID, err)
	}
	if len(p.Rules) == 0 {
		return nil
	}
	for i := range p.Rules {
		p.Rules[i].ProviderID, p.Rules[i].Position = p.ID, int64(i)
	}
	if _, err := tx.NewInsert().Model(&p.Rules).Exec(ctx); err != nil {
		return fmt.Errorf("save the rules of identity provider %d: %w", p.ID, err)
	}
	return nil
}

// mayGive refuses roles that do not exist, that permit more than the actor may do, or that are administrative without
// saying so. Refusals: Invalid, Forbidden.
func mayGive(ctx context.Context, tx database.Tx, actor permission.Actor, p Provider) error {
	return mayChange(ctx, tx, actor, p, p)
}

// mayChange is mayGive for a change that may let others in, too. It locks the roles that it looks at and, when the
// provider is disabled, that of admins. Refusals: Invalid, Forbidden.
func mayChange(ctx context.Context, tx database.Tx, actor permission.Actor, old, p Provider) error {
	grants := p.grants()
	opened, err := reaches(ctx, tx, old, p)
	if err != nil {
		return err
	}
	claim := identity.Claim{Needed: permission.UpdateSettings, Shared: true}
	for _, g := range grants {
		claim.Roles = append(claim.Roles, g.RoleID)
	}
	for _, r := range opened {
		claim.Roles = append(claim.Roles, r.roles...)
	}
	if old.IsEnabled && !p.IsEnabled {
		if claim, err = ofAdmins(ctx, tx, claim); err != nil {
			return err
		}
	}
	auth, err := claim.Lock(ctx, tx, actor)
	if err != nil {
		return err
	}
	for _, g := range grants {
		if err := g.permit(auth); err != nil {
			return err
		}
	}
	for _, r := range opened {
		if err := r.permit(auth); err != nil {
			return err
		}
	}
	return nil
}

// grant is a role that a provider gives, with the field that says so.
type grant struct {
	field string
	Rule
}

// grants are the roles that a provider gives.
func (p Provider) grants() []grant {
	grants := []grant{}
	if p.DefaultRoleID != nil {
		grants = append(grants, grant{"default_role_id", Rule{RoleID: *p.DefaultRoleID}})
	}
	for i, rule := range p.Rules {
		grants = append(grants, grant{input.Index("rules", i) + ".role_id", rule})
	}
	return grants
}

// permit refuses a role that the actor may not give, or that is administrative without saying so. Refusals: Invalid,
// Forbidden.
func (g grant) permit(auth *identity.Authorization) error {
	role, err := auth.Grant(g.field, g.RoleID)
	if err != nil || g.Administrative || !permission.Administrative(role.Permissions) {
		return err
	}
	message := "Tick “administrative”: the role " + problem.Clip(role.Name) + " may change users, roles, " +
		"API keys or settings."
	if g.field == "default_role_id" {
		message = "Choose another role: " + problem.Clip(role.Name) + " may change users, roles, API keys or settings, " +
			"so only a rule can give it."
	}
	return problem.Refuse(problem.Invalid, g.field, "administrative_role", message)
}
