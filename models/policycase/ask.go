package policycase

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/catalogue"
	"tollgate/models/configdoc"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/policy"
	"tollgate/models/problem"
)

// Run asks tests of the policy that is stored. Refusals: Invalid, Forbidden for a subject that the actor may not view,
// Conflict with each test that fails.
func Run(
	ctx context.Context, db bun.IDB, actor permission.Actor, in input.List[configdoc.TestsInput],
) (passed int, err error) {
	c := &input.Reader{}
	tests := Read(c, in)
	if len(tests) == 0 && len(c.Problems) == 0 {
		c.Add("tests", "required", "Give at least one document of tests.")
	}
	if err := problem.InvalidInput(c.Problems); err != nil {
		return 0, err
	}
	if err := Viewable(actor, tests); err != nil {
		return 0, err
	}
	problems, err := Ask(ctx, db, tests)
	if err != nil || len(problems) == 0 {
		return len(tests), err
	}
	return 0, &problem.Refusal{Reason: problem.Conflict, Problems: problems}
}

// views are the permissions to view what a test names, and what its answer tells of.
var views = map[string][]permission.Permission{
	"profile": {permission.ViewAccessProfiles}, "role": {permission.ViewRoles, permission.ViewAccessProfiles},
	"user": {permission.ViewUsers, permission.ViewAccessProfiles},
}

// Viewable refuses tests whose answers would tell an actor of what it may not view. Refusal: Forbidden.
func Viewable(actor permission.Actor, tests []Case) error {
	for _, t := range tests {
		for _, needed := range views[t.kind] {
			if !actor.May(needed) {
				return problem.Refuse(problem.Forbidden, t.subjectAt, "forbidden",
					"You need the permission "+string(needed)+" for tests of a "+t.kind+". Ask an admin of this console for it.")
			}
		}
	}
	return nil
}

// Ask judges each test by the decision that a holder without any usage would get.
func Ask(ctx context.Context, db bun.IDB, tests []Case) (problems problem.Problems, err error) {
	if len(tests) == 0 {
		return nil, nil
	}
	offered, err := catalogue.LoadCatalogue(ctx, db)
	if err != nil {
		return nil, err
	}
	grants := func(c *entitlement.Copy) []policy.Grant { return policy.Grants(offered, *c.Policy) }
	now := time.Now()
	subjects := map[string]*entitlement.Entitlements{}
	for _, t := range tests {
		subject := t.kind + ":" + t.name
		held, known := subjects[subject]
		if !known {
			if held, err = uncounted(ctx, db, t.kind, t.name); err != nil {
				return nil, err
			}
			subjects[subject] = held
			if held == nil {
				problems = append(problems, problem.Problem{
					Field: t.subjectAt, Code: Failed, Message: "There is no " + subject + ".",
				})
			}
		}
		if held == nil {
			continue
		}
		got := decision.Judge(held, t.call, &offered, grants, now)
		if got.Decision == t.allowed && (t.allowed || t.reason == "" || got.Type == t.reason) {
			continue
		}
		problems = append(problems, problem.Problem{Field: t.at, Code: Failed, Message: t.failed(got)})
	}
	return problems, nil
}

func (t Case) failed(got decision.Decision) string {
	expected, is := "deny", "allowed"
	if t.allowed {
		expected = "allow"
	} else if t.reason != "" {
		expected += " with " + t.reason
	}
	if !got.Decision {
		is = "denied, " + got.Type
	}
	return t.kind + ":" + t.name + " and " + t.called + ": expected " + expected + ", but it is " + is + "."
}
