package models_test

import (
	"strconv"
	"strings"
	"testing"

	"tollgate/models"
)

// flips are two policies that share nothing but the shape of some lines.
func flips() [2]models.Policy {
	return [2]models.Policy{
		{Budgets: []models.Budget{{MaxLimit: 1, ResetDuration: "1d"}, {MaxLimit: 1, ResetDuration: "1w"}}},
		{
			Budgets: []models.Budget{{MaxLimit: 2, ResetDuration: "1d"}, {MaxLimit: 2, ResetDuration: "1Y"}}, Calendar: utc,
			ProviderConfigs: []models.ProviderConfig{
				{ProviderName: "openai", AllModelsAllowed: true, Budgets: []models.Budget{{MaxLimit: 2, ResetDuration: "1d"}}},
				{ProviderName: "mistral", AllModelsAllowed: true, RateLimit: &models.RateLimit{RequestMaxLimit: pointer(int64(2)), RequestResetDuration: pointer("1h")}},
			},
			RateLimit:  &models.RateLimit{TokenMaxLimit: pointer(int64(2)), TokenResetDuration: pointer("1h")},
			MCPServers: []models.ServerGrant{{MCPServerID: "github"}}, MCPToolGroups: []models.ToolGroupGrant{{ToolGroupID: 1}},
		},
	}
}

// held is a template that many hold, at its first version, with its second one waiting to be pushed.
func (h holding) held(name string, copies int) (models.AccessProfile, []models.UserAccessProfile) {
	h.Helper()
	template := h.template(name, flips()[0])
	held := make([]models.UserAccessProfile, copies)
	for i := range held {
		held[i] = h.assign(h.user(101), template.ID)
	}
	return h.edit(template, flips()[1]), held
}

// refuse has the database refuse every change of a policy's budgets; forgive ends that.
func (h holding) refuse(policy int64) {
	h.Helper()
	h.exec(h.owner, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$")
	h.exec(h.owner, "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON budgets FOR EACH ROW WHEN (NEW.policy_id = "+strconv.FormatInt(policy, 10)+") EXECUTE FUNCTION refuse()")
}

func (h holding) forgive() {
	h.Helper()
	h.exec(h.owner, "DROP FUNCTION refuse CASCADE")
}

// has fails the test unless the copy is all of one policy.
func (h holding) has(held models.UserAccessProfile, p models.Policy, version int64) {
	h.Helper()
	now := h.copy(held)
	if wholeText(now.Policy) != wholeText(p) || now.TemplateVersion != version {
		h.Errorf("a copy is version %d\n%s\nwant version %d\n%s", now.TemplateVersion, wholeText(now.Policy), version, wholeText(p))
	}
}

func retry(h holding, job models.Propagation) (models.Propagation, error) {
	return models.RetryPropagation(h.Context(), h.db, models.CLI, job.AccessProfileID, job.ID)
}

func TestACopyThatTheDatabaseRefusesFailsAlone(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	template, held := h.held("Refused", 5)
	bad := held[2]
	h.refuse(bad.PolicyID)
	job := h.propagate(template.ID, pushOf(models.FieldGroups))
	if job.Done != 4 || !job.Finished() || len(job.Failed) != 1 || job.Failed[0].UserID != bad.UserID || !strings.Contains(job.Failed[0].Reason, "P0001") {
		t.Fatalf("%d done, failed %+v, in state %s", job.Done, job.Failed, job.State)
	}
	for _, one := range held {
		if one.ID == bad.ID {
			h.has(one, flips()[0], 1)
		} else {
			h.has(one, flips()[1], 2)
		}
	}
	h.forgive()
	tables := h.tables("propagation_jobs", "propagation_items")
	again, err := retry(h, job)
	h.must(err)
	h.sameTables("storing a retry", tables, h.tables("propagation_jobs", "propagation_items"))
	if again.Total() != 1 {
		t.Fatalf("trying again is for %d copies", again.Total())
	}
	h.must(worker(h.db).Work(t.Context(), again))
	if again = h.stands(again); again.Done != 1 || len(again.Failed) > 0 || again.Users[0] != bad.UserID {
		t.Errorf("%d done, failed %+v", again.Done, again.Failed)
	}
	h.has(bad, flips()[1], 2)
	var audited []string
	h.scan(&audited, "SELECT metadata::jsonb->>'user_ids' FROM audit_logs WHERE action = 'propagate' ORDER BY id DESC LIMIT 1")
	if len(audited) != 1 || audited[0] != `["`+bad.UserID+`"]` {
		t.Errorf("the audit row names %v", audited)
	}
	_, err = retry(h, again)
	refusedAs(t, err, models.Invalid, "", "nothing_failed")
	_, err = retry(h, models.Propagation{AccessProfileID: template.ID, ID: again.ID + 1})
	refusedAs(t, err, models.NotFound, "", "not_found")
}

func TestTryingAgainRefusesATemplateThatChanged(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	template, held := h.held("Changed", 2)
	h.refuse(held[0].PolicyID)
	job := h.propagate(template.ID, pushOf(models.FieldGroups))
	h.forgive()
	h.edit(template, flips()[0])
	tables := h.tables()
	_, err := retry(h, job)
	refusedAs(t, err, models.Conflict, "", "template_changed")
	h.sameTables("a refused retry", tables, h.tables())
}

func TestTryingAgainPassesOverWhoIsGone(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	template, held := h.held("Gone", 2)
	h.exec(h.owner, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$")
	h.exec(h.owner, "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON budgets FOR EACH ROW EXECUTE FUNCTION refuse()")
	job := h.propagate(template.ID, pushOf(models.FieldGroups))
	if len(job.Failed) != 2 {
		t.Fatalf("failed %+v", job.Failed)
	}
	h.forgive()
	_, err := models.DeleteUser(t.Context(), h.db, models.CLI, held[0].UserID)
	h.must(err)
	again, err := retry(h, job)
	h.must(err)
	h.must(worker(h.db).Work(t.Context(), again))
	h.has(held[1], flips()[1], 2)
}
