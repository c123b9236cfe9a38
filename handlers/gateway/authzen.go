package gateway

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/input"
	"tollgate/models/problem"
)

type authzenAnswer struct {
	Decision bool           `json:"decision"`
	Context  map[string]any `json:"context,omitempty"`
}

// AuthZENMetadata tells where evaluations are answered. The standard wants https, so there is none without.
func (g *Gateway) AuthZENMetadata(c *gin.Context) error {
	base := strings.TrimSuffix(g.BaseURL, "/")
	if !strings.HasPrefix(base, "https://") {
		return problem.Refuse(
			problem.NotFound, "", "not_found", "There is no metadata without an https base URL: set TOLLGATE_BASE_URL.",
		)
	}
	c.Header("Cache-Control", "max-age=3600")
	reply.JSON(c, http.StatusOK, gin.H{
		"policy_decision_point":       base,
		"access_evaluation_endpoint":  base + "/access/v1/evaluation",
		"access_evaluations_endpoint": base + "/access/v1/evaluations",
		"search_resource_endpoint":    base + "/access/v1/search/resource",
		"search_action_endpoint":      base + "/access/v1/search/action",
	})
	return nil
}

// Evaluate answers one evaluation of AuthZEN.
func (g *Gateway) Evaluate(c *gin.Context) error {
	request, err := readAuthZENRequest(c)
	if err != nil {
		return err
	}
	return g.answerOne(c, request)
}

func (g *Gateway) answerOne(c *gin.Context, request authzenRequest) error {
	answer, err := g.evaluate(c, request)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, answer)
	return nil
}

const maxEvaluations = 1000

// EvaluateAll answers several at once; an entity that an entry leaves out comes from the request as a whole. One bad
// entry is denied alone.
func (g *Gateway) EvaluateAll(c *gin.Context) error {
	root, err := readAuthZEN(c)
	if err != nil {
		return err
	}
	defaults, err := authzenRequest{}.with(root)
	if err != nil {
		return err
	}
	entries := root.Member("evaluations")
	switch {
	case entries == nil || entries.Kind == input.Array && len(entries.Items) == 0:
		return g.answerOne(c, defaults)
	case entries.Kind != input.Array:
		return wrongAuthZEN("evaluations", "a list")
	case len(entries.Items) > maxEvaluations:
		return intake.Unreadable("evaluations", "too_many_items", "Send at most 1000 evaluations at once.")
	}
	stop, err := stopOf(root)
	if err != nil {
		return err
	}
	answers := []authzenAnswer{}
	for _, entry := range entries.Items {
		answer, err := g.evaluateEntry(c, defaults, entry)
		if err != nil {
			return err
		}
		answers = append(answers, answer)
		if stop(answer.Decision) {
			break
		}
	}
	reply.JSON(c, http.StatusOK, gin.H{"evaluations": answers})
	return nil
}

// stopOf reads which answer ends a batch.
func stopOf(root intake.Node) (func(allowed bool) bool, error) {
	semantic := ""
	if options := root.Member("options"); options != nil {
		if options.Kind != input.Object {
			return nil, wrongAuthZEN("options", "an object")
		}
		if member := options.Member("evaluations_semantic"); member != nil {
			if member.Kind != input.String {
				return nil, wrongAuthZEN("options.evaluations_semantic", "text")
			}
			semantic = member.Text
		}
	}
	switch semantic {
	case "", "execute_all":
		return func(bool) bool { return false }, nil
	case "deny_on_first_deny":
		return func(allowed bool) bool { return !allowed }, nil
	case "permit_on_first_permit":
		return func(allowed bool) bool { return allowed }, nil
	}
	return nil, intake.Unreadable("options.evaluations_semantic", "invalid_semantic",
		"Choose execute_all, deny_on_first_deny or permit_on_first_permit.")
}

// evaluateEntry answers one entry of a batch. The error is one that no entry can be answered for.
func (g *Gateway) evaluateEntry(c *gin.Context, defaults authzenRequest, entry intake.Node) (authzenAnswer, error) {
	request, err := defaults.with(entry)
	var answer authzenAnswer
	if err == nil {
		answer, err = g.evaluate(c, request)
	}
	if refusal, ok := problem.AsRefusal(err); ok && refusal.Reason == problem.Unreadable {
		problem := refusal.Problems[0]
		answer = deniedAnswer(problem.Code, problem.Message)
		answer.Context["error"] = gin.H{"status": http.StatusBadRequest, "message": problem.Message}
		return answer, nil
	}
	return answer, err
}

func (g *Gateway) evaluate(c *gin.Context, r authzenRequest) (authzenAnswer, error) {
	switch err := r.complete(); {
	case err != nil:
		return authzenAnswer{}, err
	case r.resource.id == "":
		return authzenAnswer{}, intake.Unreadable("resource", "required", "Give the resource's type and id.")
	}
	who, known := r.who()
	question, reason := r.question()
	switch {
	case !known || reason == "unknown_type":
		return deniedAnswer("unknown_type",
			"Ask about a virtual_key, access_token, user or identity as subject, and a model, tool or mcp_server as resource."), nil
	case reason != "":
		return deniedAnswer(reason, "Ask about an action that this resource has: call of a model or tool, "+
			"tools/call of a tool, or an MCP method of an mcp_server."), nil
	}
	decision, err := g.Engine.Decide(reqctx.Of(c), who, question)
	if err != nil {
		return authzenAnswer{}, err
	}
	switch {
	case decision.Grace:
		return authzenAnswer{Decision: true, Context: map[string]any{"grace": true}}, nil
	case decision.Decision:
		return authzenAnswer{Decision: true}, nil
	}
	answer := deniedAnswer(decision.Type, decision.Message)
	answer.Context["status_code"] = decision.StatusCode
	if decision.RetryAfter != nil {
		answer.Context["retry_after_s"] = *decision.RetryAfter
	}
	if len(decision.RefusedBy) > 0 {
		answer.Context["refused_by"] = decision.RefusedBy
	}
	return answer, nil
}

func deniedAnswer(reason, message string) authzenAnswer {
	return authzenAnswer{Context: map[string]any{"reason": reason, "message": message}}
}
