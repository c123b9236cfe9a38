package web_test

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tollgate/handlers/openapi"
	"tollgate/models/accessrequest"
	"tollgate/models/adjustment"
	"tollgate/models/apikey"
	"tollgate/models/assignment"
	"tollgate/models/attachment"
	"tollgate/models/catalogue"
	"tollgate/models/connection"
	"tollgate/models/decision"
	"tollgate/models/handout"
	"tollgate/models/handover"
	"tollgate/models/identity"
	"tollgate/models/mcptool"
	"tollgate/models/policy"
	"tollgate/models/profile"
	"tollgate/models/propagation"
	"tollgate/models/provision"
	settled "tollgate/models/quarantine"
	"tollgate/models/setting"
	"tollgate/models/usage"
	"tollgate/models/virtualkey"
	"tollgate/web/webtest"
)

// The document has the routes of the API and no others, each with the permission that it needs.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	parameter := regexp.MustCompile(`[:*](\w+)`)
	served := map[string]string{}
	for call, permission := range webtest.Contract(t) {
		method, path, _ := strings.Cut(call, " ")
		for _, prefix := range []string{"/api/", "/access/", "/v1/", "/.well-known/", "/healthz", "/readyz", "/metrics", "/scim/v2/ServiceProviderConfig"} {
			if strings.HasPrefix(path, prefix) {
				served[method+" "+parameter.ReplaceAllString(path, "{$1}")] = string(permission)
			}
		}
	}
	document, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, operation := range document.Operations {
		documented[operation.Method+" "+operation.Path] = operation.Permission
	}
	for _, call := range slices.Sorted(maps.Keys(served)) {
		if documented[call] != served[call] {
			t.Errorf("%s needs %q, and %q by the document", call, served[call], documented[call])
		}
	}
	for _, call := range slices.Sorted(maps.Keys(documented)) {
		if _, ok := served[call]; !ok {
			t.Errorf("%s is documented and not served", call)
		}
	}
}

// Each schema of a request has the members that the decoder reads, and no others.
func TestOpenAPIHasEveryField(t *testing.T) {
	c, err := webtest.LoadContract()
	if err != nil {
		t.Fatal(err)
	}
	for schema, in := range map[string]any{
		"AccessRequestInput": accessrequest.Input{}, "GrantInput": accessrequest.GrantInput{},
		"DeclineInput": accessrequest.DeclineInput{}, "HandoutInput": handout.Input{}, "SettingsInput": setting.Input{}, "APIKeyInput": apikey.Input{}, "SCIMConnectionInput": connection.Input{}, "SCIMTokenInput": connection.TokenInput{}, "HandOverInput": handover.Input{}, "SCIMRulesInput": provision.RulesInput{}, "SCIMRuleInput": provision.RuleInput{}, "DomainInput": handover.DomainInput{}, "AccessProfileInput": profile.Input{}, "AdjustmentInput": adjustment.Input{},
		"AssignInput": assignment.AssignInput{}, "AttachInput": attachment.AttachInput{},
		"BudgetInput": policy.BudgetInput{}, "Call": decision.Input{}, "CloneInput": profile.CloneInput{},
		"CopyInput": assignment.CopyInput{}, "GroupedTools": mcptool.GroupToolsInput{},
		"MCPServerInput": mcptool.ServerInput{}, "OverrideInput": assignment.OverrideInput{},
		"PermissionIDs": identity.PermissionsInput{}, "Price": catalogue.ModelPriceInput{},
		"PropagationInput": propagation.Input{}, "ProviderConfigInput": policy.ProviderConfigInput{},
		"ProviderInput": catalogue.ProviderInput{}, "QuarantineAssignment": settled.Assignment{},
		"QuarantineDismissal": settled.Dismissal{}, "RateLimitInput": policy.RateLimitInput{},
		"RenewInput": decision.RenewalInput{}, "RoleInput": identity.RoleInput{}, "RotateInput": virtualkey.RotateInput{},
		"ServerGrant": policy.ServerGrantInput{}, "ToolGroupGrant": policy.ToolGroupGrantInput{},
		"ToolGroupInput": mcptool.ToolGroupInput{}, "ToolOverride": policy.ToolOverrideInput{},
		"UsageEvent": usage.EventInput{}, "UserInput": identity.UserInput{}, "VirtualKeyInput": virtualkey.Input{},
	} {
		properties, _ := c.At("components", "schemas", schema, "properties").(map[string]any)
		documented := slices.Sorted(maps.Keys(properties))
		read := slices.Sorted(maps.Keys(members(reflect.TypeOf(in))))
		if !slices.Equal(documented, read) {
			t.Errorf("%s has the members\n%q in the document, and the decoder reads\n%q", schema, documented, read)
		}
	}
}

// members are the names that the decoder reads into a struct, those of embedded structs too.
func members(in reflect.Type) map[string]bool {
	names := map[string]bool{}
	for field := range in.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			names[name] = true
		} else if field.Anonymous && field.Type.Kind() == reflect.Struct {
			maps.Copy(names, members(field.Type))
		}
	}
	return names
}

// The document is served to anyone, and the page lists every operation without scripts.
func TestAPIReference(t *testing.T) {
	c := webtest.NewConsole(t)
	document := c.Anonymous().Send("GET", "/openapi.json", "", nil).Is(200).JSON()
	if document["openapi"] != "3.1.0" {
		t.Errorf("openapi is %v", document["openapi"])
	}
	page := c.Login("viewer@example.com").Send("GET", "/api", "", nil).Is(200)
	loaded, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, operation := range loaded.Operations {
		if !strings.Contains(string(page.Body), operation.Method+" "+operation.Path) {
			t.Errorf("the page does not list %s %s", operation.Method, operation.Path)
		}
	}
}
