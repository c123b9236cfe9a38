package propagation_test

import (
	"strings"
	"testing"

	"tollgate/models/account"
	"tollgate/models/fieldgroup"
	"tollgate/models/modelstest"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/propagation"
)

func retry(h modelstest.Harness, job propagation.Job) (propagation.Job, error) {
	return propagation.Retry(h.Context(), h.DB, permission.CLI, job.AccessProfileID, job.ID)
}

func TestACopyThatTheDatabaseRefusesFailsAlone(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, held := h.Held("Refused", 5)
	bad := held[2]
	h.Refuse(bad.PolicyID)
	job := h.Propagate(current.ID, pushOf(fieldgroup.Names))
	if job.Done != 4 || !job.Finished() || len(job.Failed) != 1 || job.Failed[0].UserID != bad.UserID || !strings.Contains(job.Failed[0].Reason, "P0001") {
		t.Fatalf("%d done, failed %+v, in state %s", job.Done, job.Failed, job.State)
	}
	for _, one := range held {
		if one.ID == bad.ID {
			h.Has(one, modelstest.Flips()[0], 1)
		} else {
			h.Has(one, modelstest.Flips()[1], 2)
		}
	}
	h.Forgive()
	tables := h.Tables("propagation_jobs", "propagation_items")
	again, err := retry(h, job)
	h.Must(err)
	h.SameTables("storing a retry", tables, h.Tables("propagation_jobs", "propagation_items"))
	if again.Total() != 1 {
		t.Fatalf("trying again is for %d copies", again.Total())
	}
	h.Must(modelstest.Worker(h.DB).Work(t.Context(), again))
	if again = h.Stands(again); again.Done != 1 || len(again.Failed) > 0 || again.Users[0] != bad.UserID {
		t.Errorf("%d done, failed %+v", again.Done, again.Failed)
	}
	h.Has(bad, modelstest.Flips()[1], 2)
	var audited []string
	h.Scan(&audited, "SELECT metadata::jsonb->>'user_ids' FROM audit_logs WHERE action = 'propagate' ORDER BY id DESC LIMIT 1")
	if len(audited) != 1 || audited[0] != `["`+bad.UserID+`"]` {
		t.Errorf("the audit row names %v", audited)
	}
	_, err = retry(h, again)
	modelstest.RefusedAs(t, err, problem.Invalid, "", "nothing_failed")
	_, err = retry(h, propagation.Job{AccessProfileID: current.ID, ID: again.ID + 1})
	modelstest.RefusedAs(t, err, problem.NotFound, "", "not_found")
}

func TestTryingAgainRefusesATemplateThatChanged(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, held := h.Held("Changed", 2)
	h.Refuse(held[0].PolicyID)
	job := h.Propagate(current.ID, pushOf(fieldgroup.Names))
	h.Forgive()
	h.Edit(current, modelstest.Flips()[0])
	tables := h.Tables()
	_, err := retry(h, job)
	modelstest.RefusedAs(t, err, problem.Conflict, "", "template_changed")
	h.SameTables("a refused retry", tables, h.Tables())
}

func TestTryingAgainPassesOverWhoIsGone(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, held := h.Held("Gone", 2)
	h.Exec(h.Owner, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$")
	h.Exec(h.Owner, "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON limit_lines FOR EACH ROW EXECUTE FUNCTION refuse()")
	job := h.Propagate(current.ID, pushOf(fieldgroup.Names))
	if len(job.Failed) != 2 {
		t.Fatalf("failed %+v", job.Failed)
	}
	h.Forgive()
	_, err := account.DeleteUser(t.Context(), h.DB, permission.CLI, held[0].UserID)
	h.Must(err)
	again, err := retry(h, job)
	h.Must(err)
	h.Must(modelstest.Worker(h.DB).Work(t.Context(), again))
	h.Has(held[1], modelstest.Flips()[1], 2)
}
