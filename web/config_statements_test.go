package web_test

import (
	"fmt"
	"testing"

	"tollgate/handlers"
	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// A plan of what has not changed takes as many statements for many profiles as for few, and one that changes them as
// many for each. None of them locks what the plan does not change: the console saves meanwhile.
func TestConfigPlanStatements(t *testing.T) {
	hook := &webtest.Statements{}
	c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.DB = h.DB.WithQueryHook(hook) })
	admin := c.APIKey(permission.AllPermissions()...)
	body := func(profiles, limit int) object {
		documents := []any{object{"kind": "provider", "name": "openai", "models": []string{"gpt-5"}}}
		for i := range profiles {
			documents = append(documents, object{
				"kind": "access_profile", "name": fmt.Sprint("Profile ", i), "budgets": []object{{"max_limit": limit, "reset_duration": "1d"}},
				"provider_configs": []object{{"provider_name": "openai", "allowed_models": []string{"gpt-5"}}},
			})
		}
		return object{"set": "many", "documents": documents}
	}
	sent := func(profiles, limit int) int64 {
		before := hook.N.Load()
		admin.API("POST", "/api/config/plan", body(profiles, limit)).Is(200)
		return hook.N.Load() - before
	}
	admin.API("POST", "/api/config/apply", body(4, 60)).Is(200)
	sent(4, 60) // the first one reads more
	few, one, two := sent(4, 60), sent(1, 50), sent(2, 50)
	admin.API("POST", "/api/config/apply", body(40, 60)).Is(200)
	if many := sent(40, 60); many != few {
		t.Errorf("a plan without a change takes %d statements for 40 profiles and %d for 4", many, few)
	}
	if all, each := sent(40, 50), two-one; all > one+39*each || each > 20 {
		t.Errorf("a plan that changes 40 profiles takes %d statements, %d for the first and %d for each further one", all, one, each)
	}
}
