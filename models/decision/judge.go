package decision

import (
	"time"

	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
	"tollgate/models/policy"
)

// Judge decides a call by entitlements that are given, as Engine decides it: the provider of a bare model is found, and
// models without a price are told apart.
func Judge(
	h *entitlement.Entitlements, call entitlement.Call, offered *catalogue.Catalogue,
	grants func(*entitlement.Copy) []policy.Grant, at time.Time,
) Decision {
	return decided{call: call, entitlements: h}.judge(offered, grants, at).Decision
}
