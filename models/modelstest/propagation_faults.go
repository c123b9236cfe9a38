package modelstest

import (
	"strconv"

	"tollgate/models/assignment"
	"tollgate/models/policy"
	"tollgate/models/profile"
)

// Flips are two policies that share nothing but the shape of some limits.
func Flips() [2]policy.Policy {
	return [2]policy.Policy{
		{Budgets: []policy.Budget{{MaxLimit: 1, ResetDuration: "1d"}, {MaxLimit: 1, ResetDuration: "1w"}}},
		{
			Budgets: []policy.Budget{{MaxLimit: 2, ResetDuration: "1d"}, {MaxLimit: 2, ResetDuration: "1Y"}}, Calendar: Utc,
			ProviderConfigs: []policy.ProviderConfig{
				{ProviderName: "openai", AllModelsAllowed: true, Budgets: []policy.Budget{{MaxLimit: 2, ResetDuration: "1d"}}},
				{
					ProviderName:     "mistral",
					AllModelsAllowed: true,
					RateLimit:        &policy.RateLimit{RequestMaxLimit: Pointer(int64(2)), RequestResetDuration: Pointer("1h")},
				},
			},
			RateLimit:  &policy.RateLimit{TokenMaxLimit: Pointer(int64(2)), TokenResetDuration: Pointer("1h")},
			MCPServers: []policy.ServerGrant{{MCPServerID: "github"}}, MCPToolGroups: []policy.ToolGroupGrant{{ToolGroupID: 1}},
		},
	}
}

// Held is a profile with many copies of its first version, and a second version to propagate.
func (h Harness) Held(name string, copies int) (profile.Profile, []assignment.Assignment) {
	h.Helper()
	template := h.Profile(name, Flips()[0])
	assigned := make([]assignment.Assignment, copies)
	for i := range assigned {
		assigned[i] = h.Assign(h.User(101), template.ID)
	}
	return h.Edit(template, Flips()[1]), assigned
}

// Refuse has the database refuse every change of a policy's budgets; forgive ends that.
func (h Harness) Refuse(policy int64) {
	h.Helper()
	h.Exec(
		h.Owner, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$",
	)
	h.Exec(
		h.Owner,
		"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON limit_lines FOR EACH ROW WHEN (NEW.policy_id = "+
			strconv.FormatInt(policy, 10)+") EXECUTE FUNCTION refuse()",
	)
}

// Forgive removes what a fault left behind.
func (h Harness) Forgive() {
	h.Helper()
	h.Exec(h.Owner, "DROP FUNCTION refuse CASCADE")
}

// Has fails the test unless the copy is all of one policy.
func (h Harness) Has(assigned assignment.Assignment, p policy.Policy, version int64) {
	h.Helper()
	now := h.Copy(assigned)
	if WholeText(now.Policy) != WholeText(p) || now.TemplateVersion != version {
		h.Errorf(
			"a copy is version %d\n%s\nwant version %d\n%s", now.TemplateVersion, WholeText(now.Policy), version, WholeText(p),
		)
	}
}
