package policycase

import (
	"strings"

	"tollgate/models/configdoc"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/input"
)

// Failed is the code of a test that does not hold.
const Failed = "test_failed"

// Case is one question to a policy.
type Case struct {
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

// Read reads documents of tests, each with at least one case.
func Read(c *input.Reader, l input.List[configdoc.TestsInput]) (tests []Case) {
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
				tests = append(tests, readCase(c, input.Index(at+".cases", n), one)...)
			}
		}
	}
	return tests
}

func readCase(c *input.Reader, at string, in configdoc.CaseInput) (tests []Case) {
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
			one := Case{
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
