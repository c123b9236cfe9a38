package modelstest

import (
	"tollgate/models/propagation"
)

// Silence ends the lease of the worker of a propagation.
func (h Harness) Silence(job propagation.Job) {
	h.Helper()
	h.Exec(h.DB, "UPDATE propagation_jobs SET lease_until = clock_timestamp() - interval '1 second' WHERE id = ?", job.ID)
}

// TakeOver has another worker claim a propagation whose worker fell silent.
func (h Harness) TakeOver(job propagation.Job) propagation.Job {
	h.Helper()
	h.Silence(job)
	claimed, err := propagation.ClaimPropagation(h.Context(), h.DB)
	h.Must(err)
	if claimed == nil || claimed.ID != job.ID || claimed.Fence <= job.Fence {
		h.Fatalf("claimed %+v", claimed)
	}
	return *claimed
}

// Audited are the users named by the audit rows of a propagation, one by one.
func (h Harness) Audited(job propagation.Job) []string {
	h.Helper()
	var users []string
	h.Scan(&users, `SELECT jsonb_array_elements_text(metadata::jsonb->'user_ids') AS u FROM audit_logs
WHERE action = 'propagate' AND (metadata::jsonb->>'propagation_id')::bigint = ? ORDER BY u`, job.ID)
	return users
}

// Late has a worker continue a propagation and release it, and returns the tables that this changes.
func (h Harness) Late(job propagation.Job) (wrote []string, err error) {
	h.Helper()
	before := h.Tables()
	err = Worker(h.DB).Work(h.Context(), job)
	h.Must(Worker(h.DB).Release(h.Context(), job))
	return changed(before, h.Tables()), err
}
