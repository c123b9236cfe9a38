package handlers

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/models"
)

// The shapes of OpenID AuthZEN 1.0. Members that it does not know are passed over.
type (
	authzenEntity struct {
		Type       string         `json:"type"`
		ID         string         `json:"id"`
		Name       string         `json:"name"`
		Properties map[string]any `json:"properties"`
	}
	authzenRequest struct {
		Subject  *authzenEntity `json:"subject"`
		Action   *authzenEntity `json:"action"`
		Resource *authzenEntity `json:"resource"`
		Context  map[string]any `json:"context"`
	}
	authzenBatch struct {
		authzenRequest
		Evaluations []json.RawMessage `json:"evaluations"`
		Options     struct {
			Semantic string `json:"evaluations_semantic"`
		} `json:"options"`
	}
	authzenAnswer struct {
		Decision bool           `json:"decision"`
		Context  map[string]any `json:"context,omitempty"`
	}
)

// AuthZENMetadata tells where evaluations are answered. The standard wants https, so there is none without.
func (h *Handlers) AuthZENMetadata(c *gin.Context) error {
	base := strings.TrimSuffix(h.BaseURL, "/")
	if !strings.HasPrefix(base, "https://") {
		return models.Refuse(models.NotFound, "", "not_found", "There is no metadata without an https base URL: set TOLLGATE_BASE_URL.")
	}
	c.Header("Cache-Control", "max-age=3600")
	writeJSON(c, http.StatusOK, gin.H{
		"policy_decision_point":       base,
		"access_evaluation_endpoint":  base + "/access/v1/evaluation",
		"access_evaluations_endpoint": base + "/access/v1/evaluations",
		"search_resource_endpoint":    base + "/access/v1/search/resource",
		"search_action_endpoint":      base + "/access/v1/search/action",
	})
	return nil
}

// Evaluate answers one question of AuthZEN.
func (h *Handlers) Evaluate(c *gin.Context) error {
	var request authzenRequest
	if err := readAuthZEN(c, &request); err != nil {
		return err
	}
	answer, err := h.evaluate(c, request)
	if err != nil {
		return err
	}
	writeJSON(c, http.StatusOK, answer)
	return nil
}

const maxEvaluations = 1000

// EvaluateAll answers several at once; what an entry leaves out comes from the request as a whole. One bad entry is refused alone.
func (h *Handlers) EvaluateAll(c *gin.Context) error {
	var batch authzenBatch
	if err := readAuthZEN(c, &batch); err != nil {
		return err
	}
	if len(batch.Evaluations) == 0 {
		answer, err := h.evaluate(c, batch.authzenRequest)
		if err != nil {
			return err
		}
		writeJSON(c, http.StatusOK, answer)
		return nil
	}
	if len(batch.Evaluations) > maxEvaluations {
		return unreadable("evaluations", "too_many_items", "Send at most 1000 evaluations at once.")
	}
	stop, ok := map[string]func(bool) bool{
		"": func(bool) bool { return false }, "execute_all": func(bool) bool { return false },
		"deny_on_first_deny":     func(allowed bool) bool { return !allowed },
		"permit_on_first_permit": func(allowed bool) bool { return allowed },
	}[batch.Options.Semantic]
	if !ok {
		return unreadable("options.evaluations_semantic", "invalid_semantic", "Choose execute_all, deny_on_first_deny or permit_on_first_permit.")
	}
	answers := []authzenAnswer{}
	for _, entry := range batch.Evaluations {
		var one authzenRequest
		var answer authzenAnswer
		err := wrongAuthZEN()
		if json.Unmarshal(entry, &one) == nil {
			answer, err = h.evaluate(c, one.or(batch.authzenRequest))
		}
		if err != nil {
			message, fatal := badEntry(err)
			if fatal != nil {
				return fatal
			}
			answer = authzenAnswer{Context: map[string]any{"error": gin.H{"status": http.StatusBadRequest, "message": message}}}
		}
		answers = append(answers, answer)
		if stop(answer.Decision) {
			break
		}
	}
	writeJSON(c, http.StatusOK, gin.H{"evaluations": answers})
	return nil
}

// badEntry tells an entry that is wrong by itself from what no entry can be answered for.
func badEntry(err error) (message string, fatal error) {
	if refusal, ok := models.AsRefusal(err); ok && refusal.Reason == models.Unreadable {
		return refusal.Problems[0].Message, nil
	}
	return "", err
}

// or fills what is left out from the defaults, entity by entity, and an entity's type and id too.
func (r authzenRequest) or(defaults authzenRequest) authzenRequest {
	for _, pair := range []struct{ own, other **authzenEntity }{
		{&r.Subject, &defaults.Subject}, {&r.Action, &defaults.Action}, {&r.Resource, &defaults.Resource},
	} {
		switch own, other := *pair.own, *pair.other; {
		case own == nil:
			*pair.own = other
		case other != nil:
			merged := *own
			for _, field := range []struct{ own, other *string }{{&merged.Type, &other.Type}, {&merged.ID, &other.ID}, {&merged.Name, &other.Name}} {
				if *field.own == "" {
					*field.own = *field.other
				}
			}
			*pair.own = &merged
		}
	}
	if r.Context == nil {
		r.Context = defaults.Context
	}
	return r
}

func (h *Handlers) evaluate(c *gin.Context, r authzenRequest) (authzenAnswer, error) {
	switch {
	case r.Subject == nil || r.Subject.Type == "" || r.Subject.ID == "":
		return authzenAnswer{}, unreadable("subject", "required", "Give the subject's type and id.")
	case r.Action == nil || r.Action.Name == "":
		return authzenAnswer{}, unreadable("action", "required", "Give the action's name.")
	case r.Resource == nil || r.Resource.Type == "" || r.Resource.ID == "":
		return authzenAnswer{}, unreadable("resource", "required", "Give the resource's type and id.")
	}
	if r.Action.Name != "call" {
		return refusedAnswer("unknown_action", "Ask about the action call, the only one there is."), nil
	}
	who, known := authzenSubject(*r.Subject)
	question, askable := authzenResource(*r.Resource)
	if !known || !askable {
		return refusedAnswer("unknown_type", "Ask about a virtual_key or user as subject, and a model or tool as resource."), nil
	}
	decision, err := h.Decider.Decide(ctx(c), who, question)
	if err != nil {
		return authzenAnswer{}, err
	}
	if decision.Decision {
		return authzenAnswer{Decision: true}, nil
	}
	answer := refusedAnswer(decision.Type, decision.Message)
	answer.Context["status_code"] = decision.StatusCode
	if decision.RetryAfter != nil {
		answer.Context["retry_after_s"] = *decision.RetryAfter
	}
	return answer, nil
}

func refusedAnswer(kind, message string) authzenAnswer {
	return authzenAnswer{Context: map[string]any{"reason": kind, "message": message}}
}

func authzenSubject(e authzenEntity) (models.Asker, bool) {
	switch e.Type {
	case "virtual_key":
		return models.Asker{VirtualKey: e.ID}, true
	case "user", "identity":
		return models.Asker{UserID: e.ID}, true
	}
	return models.Asker{}, false
}

// authzenResource reads "provider/model", or "server/tool"; properties name the first part where the id does not.
func authzenResource(e authzenEntity) (models.Question, bool) {
	property := func(name string) string {
		text, _ := e.Properties[name].(string)
		return text
	}
	switch e.Type {
	case "model":
		return models.Question{Provider: property("provider"), Model: e.ID}, true
	case "tool":
		if server := property("mcp_client_id"); server != "" {
			return models.Question{MCPClientID: server, ToolName: e.ID}, true
		}
		server, tool, _ := strings.Cut(e.ID, "/")
		return models.Question{MCPClientID: server, ToolName: tool}, true
	}
	return models.Question{}, false
}

// SearchResources lists the models or tools that a subject may call now, of those that the catalogues know.
func (h *Handlers) SearchResources(c *gin.Context) error {
	var request authzenRequest
	if err := readAuthZEN(c, &request); err != nil {
		return err
	}
	switch {
	case request.Subject == nil || request.Subject.Type == "" || request.Subject.ID == "":
		return unreadable("subject", "required", "Give the subject's type and id.")
	case request.Action == nil || request.Action.Name == "":
		return unreadable("action", "required", "Give the action's name.")
	case request.Resource == nil || request.Resource.Type == "":
		return unreadable("resource", "required", "Give the resource's type.")
	}
	results := []gin.H{}
	if who, known := authzenSubject(*request.Subject); known && (request.Resource.Type == "model" || request.Resource.Type == "tool") {
		found, err := h.Decider.Callable(ctx(c), who, request.Resource.Type == "tool")
		if err != nil {
			return err
		}
		for _, id := range found {
			results = append(results, gin.H{"type": request.Resource.Type, "id": id})
		}
	}
	writeJSON(c, http.StatusOK, gin.H{"results": results, "page": gin.H{"next_token": "", "count": len(results), "total": len(results)}})
	return nil
}

// SearchActions lists what a subject may do with a resource: "call" it, or nothing.
func (h *Handlers) SearchActions(c *gin.Context) error {
	var request authzenRequest
	if err := readAuthZEN(c, &request); err != nil {
		return err
	}
	request.Action = &authzenEntity{Name: "call"}
	answer, err := h.evaluate(c, request)
	if err != nil {
		return err
	}
	results := []gin.H{}
	if answer.Decision {
		results = append(results, gin.H{"name": "call"})
	}
	writeJSON(c, http.StatusOK, gin.H{"results": results, "page": gin.H{"next_token": "", "count": len(results), "total": len(results)}})
	return nil
}

func wrongAuthZEN() error {
	return unreadable("", "wrong_type", "Give each member in the type that AuthZEN has for it.")
}

// readAuthZEN reads a body as strictly as any other, but passes over members it does not know.
func readAuthZEN(c *gin.Context, into any) error {
	if _, err := parseJSON(bodyOf(c)); err != nil {
		return err
	}
	if err := json.Unmarshal(bodyOf(c), into); err != nil {
		return wrongAuthZEN()
	}
	c.Header("Cache-Control", "no-store")
	return nil
}
