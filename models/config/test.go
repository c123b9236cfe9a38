package config

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/catalogue"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/input"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/profile"
)

// TestFailed is the code of a test that does not hold.
const TestFailed = "test_failed"

// TestsInput is a document with tests of a policy.
type TestsInput struct {
	input.Row
	Kind  input.Value           `json:"kind"`
	Name  input.Value           `json:"name"`
	Cases input.List[CaseInput] `json:"cases"`
}

// CaseInput says what a subject may call and what not.
type CaseInput struct {
	input.Row
	As     input.Value             `json:"as"`
	Allow  input.List[input.Value] `json:"allow"`
	Deny   input.List[input.Value] `json:"deny"`
	Reason input.Value             `json:"reason"`
}

// test is one question to a policy.
type test struct {
	at         string // the path of what is called
	subjectAt  string
	kind, name string // of the subject: profile, role or user
	call       entitlement.Call
	called     string
	allowed    bool
	reason     string // of a denial, "" for any
}

var reasons = []string{
	decision.AccessNotFound, decision.AccessBlocked, decision.ProviderBlocked, decision.ModelBlocked, decision.RateLimited,
	decision.TokenLimited, decision.RequestLimited, decision.BudgetExceeded, decision.MCPToolBlocked,
}

// readTests reads documents of tests, each with at least one case.
func readTests(c *input.Reader, l input.List[TestsInput]) (tests []test) {
	if !input.CheckList(c, "tests", l, 1000, "documents of tests") {
		return nil
	}
	for i, in := range l.Items {
		at := input.Index("tests", i)
		if !c.Object(at, in.Row.Kind, "tests") {
			continue
		}
		c.Text(at+".name", in.Name, input.TextRule{What: "a name", Max: 255})
		if len(in.Cases.Items) == 0 {
			c.Add(at+".cases", "required", "Give at least one case: tests without any hold whatever the policy is.")
		}
		if input.CheckList(c, at+".cases", in.Cases, 10_000, "cases") {
			for n, one := range in.Cases.Items {
				tests = append(tests, one.read(c, input.Index(at+".cases", n))...)
			}
		}
	}
	return tests
}

func (in CaseInput) read(c *input.Reader, at string) (tests []test) {
	if !c.Object(at, in.Kind, "a case") {
		return nil
	}
	kind, name, _ := strings.Cut(in.As.Text, ":")
	if in.As.Kind != input.String || name == "" || kind != "profile" && kind != "role" && kind != "user" {
		c.Add(at+".as", "invalid_subject", "Name the subject, as profile:NAME, role:NAME or user:EMAIL.")
	}
	reason := ""
	if in.Reason.Kind != input.Absent {
		reason, _ = c.Choice(at+".reason", in.Reason, "invalid_reason", "Choose "+input.Either(reasons)+".", reasons)
	}
	if len(in.Allow.Items)+len(in.Deny.Items) == 0 {
		c.Add(at, "required", "Give at least one model or tool to allow or deny.")
	}
	for _, part := range []struct {
		field   string
		list    input.List[input.Value]
		allowed bool
	}{{"allow", in.Allow, true}, {"deny", in.Deny, false}} {
		if !input.CheckList(c, at+"."+part.field, part.list, 10_000, "models and tools") {
			continue
		}
		for i, v := range part.list.Items {
			one := test{
				at: input.Index(at+"."+part.field, i), subjectAt: at + ".as", kind: kind, name: name, called: v.Text,
				allowed: part.allowed, reason: reason,
			}
			if one.call = readCall(c, one.at, v); one.allowed {
				one.reason = ""
			}
			tests = append(tests, one)
		}
	}
	return tests
}

// readCall reads provider/model, or tool:server/tool.
func readCall(c *input.Reader, field string, v input.Value) (call entitlement.Call) {
	text, ok := c.Text(field, v, input.TextRule{What: "a model or tool", Max: 400, Exact: true})
	if !ok {
		return call
	}
	if named, isTool := strings.CutPrefix(text, "tool:"); isTool {
		server, tool, _ := strings.Cut(named, "/")
		if server == "" || tool == "" {
			c.Add(field, "invalid_call", "Name the tool, as tool:SERVER/TOOL.")
		}
		return entitlement.Call{MCPClientID: server, ToolName: tool}
	}
	return entitlement.Call{Model: text}
}

// Test asks tests of the policy that is stored. Refusals: Invalid, Conflict with each test that fails.
func Test(ctx context.Context, db bun.IDB, in input.List[TestsInput]) (passed int, err error) {
	c := &input.Reader{}
	tests := readTests(c, in)
	if len(tests) == 0 && len(c.Problems) == 0 {
		c.Add("tests", "required", "Give at least one document of tests.")
	}
	if err := problem.InvalidInput(c.Problems); err != nil {
		return 0, err
	}
	problems, err := ask(ctx, db, tests)
	if err != nil || len(problems) == 0 {
		return len(tests), err
	}
	return 0, &problem.Refusal{Reason: problem.Conflict, Problems: problems}
}

func (r *run) runTests(ctx context.Context, s *saver) error {
	problems, err := ask(ctx, s.tx, r.tests)
	r.problems = append(r.problems, problems...)
	return err
}

// ask judges each test by the decision that a holder without any usage would get.
func ask(ctx context.Context, db bun.IDB, tests []test) (problems problem.Problems, err error) {
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
			if held, err = holding(ctx, db, t.kind, t.name); err != nil {
				return nil, err
			}
			subjects[subject] = held
			if held == nil {
				problems = append(problems, problem.Problem{
					Field: t.subjectAt, Code: TestFailed, Message: "There is no " + subject + ".",
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
		problems = append(problems, problem.Problem{Field: t.at, Code: TestFailed, Message: t.failed(got)})
	}
	return problems, nil
}

func (t test) failed(got decision.Decision) string {
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

// holding is what a subject may call that has used nothing yet; nil of one that does not exist.
func holding(ctx context.Context, db bun.IDB, kind, name string) (*entitlement.Entitlements, error) {
	switch kind {
	case "user":
		return ofUser(ctx, db, name)
	case "role":
		var exists bool
		if err := db.NewRaw("SELECT EXISTS (SELECT FROM roles WHERE name_key = ?)", input.NameKey(name)).
			Scan(ctx, &exists); err != nil || !exists {
			return nil, err
		}
		return ofProfiles(ctx, db, `SELECT p.id FROM access_profiles AS p
JOIN role_access_profiles AS a ON a.access_profile_id = p.id JOIN roles AS r ON r.id = a.role_id
WHERE r.name_key = ? AND a.is_default AND p.is_active ORDER BY p.id`, input.NameKey(name))
	}
	held, err := ofProfiles(ctx, db, "SELECT id FROM access_profiles WHERE name_key = ?", input.NameKey(name))
	if err == nil && len(held.Copies) == 0 {
		return nil, nil
	}
	return held, err
}

// ofProfiles is what new copies of profiles allow.
func ofProfiles(ctx context.Context, db bun.IDB, query string, key string) (*entitlement.Entitlements, error) {
	var ids []int64
	if err := db.NewRaw(query, key).Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("look up the profiles of a test: %w", err)
	}
	held := &entitlement.Entitlements{}
	for _, id := range ids {
		p, err := profile.Get(ctx, db, id)
		if err != nil {
			return nil, err
		}
		fresh := assignment.Assignment{Name: p.Name, IsActive: true, ParentProfileID: p.ID, Policy: p.Policy}
		if err := held.AddFresh(fresh); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// ofUser is what the copies of a user allow, without their usage.
func ofUser(ctx context.Context, db bun.IDB, email string) (*entitlement.Entitlements, error) {
	var ids []string
	if err := db.NewRaw("SELECT id FROM users WHERE email_key = ?", input.FoldCase(email)).Scan(ctx, &ids); err != nil ||
		len(ids) == 0 {
		return nil, err
	}
	copies := []assignment.Assignment{}
	if err := assignment.SelectCopies(db).Where("c.user_id = ?", ids[0]).Order("c.assigned_at", "c.id").
		Scan(ctx, &copies); err != nil {
		return nil, fmt.Errorf("load the copies of a user: %w", err)
	}
	policies := make([]int64, len(copies))
	for i, c := range copies {
		policies[i] = c.PolicyID
	}
	loaded, err := policy.LoadPolicies(ctx, db, policies)
	if err != nil {
		return nil, err
	}
	held := &entitlement.Entitlements{}
	for _, c := range copies {
		c.Policy = *loaded[c.PolicyID]
		if err := held.AddFresh(c); err != nil {
			return nil, err
		}
	}
	return held, nil
}
