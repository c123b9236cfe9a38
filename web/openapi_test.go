package web_test

import (
	"fmt"
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
	"tollgate/models/permission"
	"tollgate/models/policy"
	"tollgate/models/profile"
	"tollgate/models/propagation"
	"tollgate/models/provision"
	settled "tollgate/models/quarantine"
	"tollgate/models/setting"
	"tollgate/models/usage"
	"tollgate/models/virtualkey"
	"tollgate/web"
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

// A body of one byte too many, and one in another format, get an answer that the document declares.
func TestOpenAPIDeclaresRefusedBodies(t *testing.T) {
	s := newStrictStage(t)
	c, err := webtest.LoadContract()
	s.Must(err)
	loaded, err := openapi.Load()
	s.Must(err)
	parameter := regexp.MustCompile(`\{(\w+)\}`)
	tooLarge := strings.Repeat(" ", 1<<20-1) + "{}"
	larger := regexp.MustCompile("^/(api/config|api/usage/litellm|v1|access/v1)/?") // they have limits, or a status, of their own
	for _, o := range loaded.Operations {
		if o.Method == "GET" {
			continue
		}
		client := s.as(web.Route{Permission: permission.Permission(o.Permission)})
		path := s.ids.Replace(parameter.ReplaceAllString(o.Path, ":$1"))
		large := client.API(o.Method, path, tooLarge)
		text := client.Send(o.Method, path, "text/plain", strings.NewReader("x"))
		if !larger.MatchString(o.Path) {
			large.Refuses(413, "body_too_large", "")
			text.Refuses(415, "unsupported_media_type", "")
		}
		for _, a := range []webtest.Answer{large, text} {
			if c.At("paths", o.Path, strings.ToLower(o.Method), "responses", fmt.Sprint(a.StatusCode)) == nil {
				t.Errorf("%s %s answers %d, which is not in the document", o.Method, o.Path, a.StatusCode)
			}
		}
	}
}

// What was created is where its Location says.
func TestLocationsLead(t *testing.T) {
	s := webtest.NewStage(t)
	for path, body := range map[string]string{
		"/api/access-profiles": `{"name":"Led"}`, "/api/users": `{"name":"Led","email":"led@example.com"}`,
		"/api/roles": `{"name":"Led"}`, "/api/providers": `{"name":"led"}`, "/api/mcp/clients": `{"name":"Led"}`,
		"/api/mcp/tool-groups": `{"name":"Led"}`, "/api/api-keys": `{"name":"Led","scopes":["Users:View"]}`,
		"/api/scim-connections":        fmt.Sprintf(`{"name":"Led","default_role_id":%d}`, s.RoleID("Viewer")),
		"/api/access-profiles/1/clone": `{"name":"Led again"}`,
	} {
		s.Admin.Get(s.Admin.API("POST", path, body).Is(201).Header.Get("Location")).Is(200)
	}
	assigned := s.Admin.API("POST", "/api/users/"+s.Ada+"/access-profiles", `{"access_profile_id":1}`).Is(201)
	webtest.Same(t, "a copy, which has no address to be read at", assigned.Header.Get("Location"), "")
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
