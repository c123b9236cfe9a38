package web_test

import (
	"slices"
	"strings"
	"testing"

	"tollgate/web"
	"tollgate/web/webtest"
)

// keepAccess are the actions that change nothing that a gateway is answered.
const keepAccess = `
Login Logout FirstRun ChangePassword SetUserPassword UpdateUser
CreateAPIKey CreateUser CreateRole CreateProvider CreateMCPServer CreateToolGroup CreateVirtualKey AdoptVirtualKey
DeleteRole DeleteProvider DeleteMCPServer DeleteToolGroup
CreateAccessProfile UpdateAccessProfile DeleteAccessProfile CloneAccessProfile RestoreVersion ChangeAccessProfiles
ActivateAccessProfile DeactivateAccessProfile DismissQuarantined RenewReservation
PlanConfig TestConfig
Evaluate EvaluateAll SearchActions SearchResources FindTyped KeepSession
ChangeOwnPassword CreateOwnKey CreateSignInLink UseSignInLink CreateAccessRequest WithdrawAccessRequest DeclineAccessRequest PreviewHandout PreviewPropagation SetGatewayAddress
CreateSCIMConnection DeleteSCIMConnection CreateSCIMToken DeleteSCIMToken ProvisionGroup PreviewSCIMRules NotOffered ReleaseUser PreviewRules
CreateIdentityProvider SetRules SetEnforcement ConnectMethod DisconnectMethod EndSignInThere TryIdentity`

// Each action is either one of the changes that the tests below make, or named as one that keeps access: what is new is
// named by nothing yet, what can be deleted is named by nothing any more, and a profile applies when it is propagated.
func TestEveryActionSaysWhetherItChangesAccess(t *testing.T) {
	g := webtest.NewGateway(t)
	known := strings.Fields(keepAccess)
	for _, change := range webtest.AccessChanges(g) {
		known = append(known, change.Actions...)
	}
	named := slices.Clone(known)
	for _, r := range web.Routes(g.H) {
		if r.Method == "GET" {
			continue
		}
		if !slices.Contains(known, r.Action) {
			t.Errorf("%s %s: say whether %s changes access", r.Method, r.Path, r.Action)
		}
		named = slices.DeleteFunc(named, func(action string) bool { return action == r.Action })
	}
	if len(named) > 0 {
		t.Errorf("no route has %v", named)
	}
}
