package config

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"tollgate/models/configdoc"
	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/policycase"
	"tollgate/models/problem"
	"tollgate/models/propagation"
	"tollgate/models/secret"
)

// Result is what a run would do, or did.
type Result struct {
	Set       string           `json:"set"`
	State     string           `json:"state"` // of all documents before the run
	Plan      string           `json:"plan"`  // of what it changes; an apply that names another is refused
	Changes   []Change         `json:"changes"`
	Unchanged int              `json:"unchanged"`
	Unmanaged []Unmanaged      `json:"unmanaged"`
	Conflicts []Conflict       `json:"conflicts"`
	Errors    problem.Problems `json:"errors"`
	Applied   bool             `json:"applied"`

	Propagations []propagation.Job `json:"-"` // that were started, for a worker
}

// Unmanaged is a resource of the set that no file names.
type Unmanaged struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Protected bool   `json:"protected,omitempty"`
}

// Conflict is what has to be settled before an apply.
type Conflict struct {
	Kind    string                  `json:"kind"`
	Name    string                  `json:"name"`
	Param   string                  `json:"param"`
	Code    string                  `json:"code"`
	Message string                  `json:"message"`
	Fields  []configdoc.FieldChange `json:"fields,omitempty"` // from the document applied last to the console
}

var errPlanned = errors.New("planned")

// Plan says what an apply of the same request would do: it is that apply, rolled back. Refusals: Invalid for the
// options, Forbidden for a kind that the actor may not view, or tests of what it may not view.
func Plan(ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, in Request) (Result, error) {
	for _, d := range in.Documents {
		kind := configdoc.KindOf(d)
		if err := allowed(actor, kind, "View"); err != nil {
			return Result{}, err
		}
	}
	o, err := in.read(actor)
	if err != nil {
		return Result{}, err
	}
	// An actor who may only look may plan: nothing of it stays.
	planner := permission.Actor{Name: actor.Name, Permissions: permission.AllPermissions(), Door: actor.Door}
	planned, err := o.do(ctx, db, keys, planner, in.Documents, false)
	if err != nil {
		return planned, err
	}
	return planned, planned.visible(actor)
}

// Apply brings the console into the state that the documents describe, all of it or nothing. Refusals: Invalid with
// every problem, Forbidden for what the actor may not do, Stale when the plan is another by now, Conflict for drift,
// resources of other sets, too many deletions and tests that fail.
func Apply(ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, in Request) (Result, error) {
	o, err := in.read(actor)
	if err != nil {
		return Result{}, err
	}
	return o.do(ctx, db, keys, actor, in.Documents, true)
}

func (o options) do(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, documents []configdoc.Document, apply bool,
) (Result, error) {
	if len(documents) == 0 && !o.Release {
		return Result{}, problem.Refuse(problem.Invalid, "documents", "no_documents",
			"Send at least one document: a set without any would lose all that it owns.")
	}
	var r *run
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		r = &run{options: o, tx: tx, keys: keys, actor: actor, apply: apply}
		if err := r.prepare(ctx, documents); err != nil {
			return err
		}
		if err := r.carryOut(ctx); err != nil {
			return err
		}
		if !apply {
			return errPlanned
		}
		return r.refusal()
	})
	if errors.Is(err, errPlanned) {
		return r.result(), nil
	}
	if err != nil {
		return Result{}, err
	}
	done := r.result()
	done.Applied = true
	return done, nil
}

// run is one run.
type run struct {
	options
	tx    database.Tx
	keys  secret.Keys
	actor permission.Actor
	apply bool

	state     *state
	wanted    []configdoc.Wanted
	steps     []step
	deletions []*current
	released  []*current
	unmanaged []Unmanaged
	conflicts []Conflict
	problems  problem.Problems
	jobs      []propagation.Job
}

// step is a document with what it is to replace.
type step struct {
	configdoc.Wanted
	old     *current // nil of a new resource
	drift   string   // how the console differs from the document applied last: "", changed or deleted
	effects *Effects
}

func (s step) unchanged() bool { return s.old != nil && s.old.body.Same(s.Body) }

// changes reports a step that a plan shows: a change of the resource, or of its owner.
func (s step) changes() bool { return !s.unchanged() || s.old.owner == nil }

// prepare reads the documents and compares them with the console, whose rows it locks as far as they would change.
func (r *run) prepare(ctx context.Context, documents []configdoc.Document) error {
	if err := r.takeTurn(ctx); err != nil {
		return err
	}
	if r.wanted, r.problems = configdoc.Read(documents); len(r.problems) > 0 {
		var err error
		r.state, err = load(ctx, r.tx, r.hasUsers())
		return err
	}
	locked := map[configdoc.ID]bool{}
	for {
		before, err := changesSoFar(ctx, r.tx)
		if err != nil {
			return err
		}
		if r.state, err = load(ctx, r.tx, r.hasUsers()); err != nil {
			return err
		}
		r.compareAll()
		fresh, err := r.lockChanged(ctx, locked)
		if err != nil || !fresh {
			return err
		}
		if after, err := changesSoFar(ctx, r.tx); err != nil || after == before {
			return err
		}
	}
}

// hasUsers reports that a document describes a user.
func (r *run) hasUsers() bool {
	return slices.ContainsFunc(r.wanted, func(w configdoc.Wanted) bool { return w.Kind == configdoc.User })
}

// takeTurn lets runs follow each other.
func (r *run) takeTurn(ctx context.Context) error {
	if err := database.AllowLong(ctx, r.tx); err != nil {
		return err
	}
	for _, statement := range []string{
		"SET LOCAL lock_timeout = '15s'", "SELECT pg_advisory_xact_lock(7235410881)", "SET LOCAL lock_timeout = '2s'",
	} {
		if _, err := r.tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("wait for other runs: %w", err)
		}
	}
	return nil
}

// changesSoFar is the number of the last change that was committed.
func changesSoFar(ctx context.Context, db bun.IDB) (seq int64, err error) {
	if err = db.NewRaw("SELECT seq FROM audit_head").Scan(ctx, &seq); err != nil {
		err = fmt.Errorf("read the head of the audit log: %w", err)
	}
	return seq, err
}

// lockChanged locks the rows that would change, in the order of locks; it reports whether one was not locked before.
func (r *run) lockChanged(ctx context.Context, locked map[configdoc.ID]bool) (fresh bool, err error) {
	ids := map[string][]int64{}
	names := map[string][]string{}
	lock := func(c *current) {
		fresh = fresh || !locked[c.ID]
		locked[c.ID] = true
		switch {
		case c.id > 0:
			ids[c.Kind] = append(ids[c.Kind], c.id)
		case c.Kind == configdoc.User:
			names[configdoc.User] = append(names[configdoc.User], c.user)
		default:
			names[c.Kind] = append(names[c.Kind], c.Name)
		}
	}
	for _, s := range r.steps {
		if s.unchanged() {
			continue
		}
		s.lockWith(r.state, ids)
		if s.old != nil {
			lock(s.old)
		}
	}
	for _, c := range r.deletions {
		lock(c)
	}
	for _, part := range []struct {
		kind, query string
	}{
		// Not FOR UPDATE: a change of a provider locks the provider first, then its connection against deletion.
		{configdoc.SCIMConnection, "SELECT FROM scim_connections WHERE id = ANY (?) ORDER BY id FOR NO KEY UPDATE"},
		{configdoc.AccessProfile, "SELECT FROM access_profiles WHERE id = ANY (?) ORDER BY id FOR UPDATE"},
		{configdoc.Role, "SELECT FROM roles WHERE id = ANY (?) ORDER BY id FOR UPDATE"},
		{configdoc.User, "SELECT FROM users WHERE id = ANY (?) ORDER BY id FOR UPDATE"},
		{configdoc.IdentityProvider, "SELECT FROM identity_providers WHERE id = ANY (?) ORDER BY id FOR UPDATE"},
		{configdoc.Provider, "SELECT FROM providers WHERE name = ANY (?) ORDER BY name FOR UPDATE"},
		{configdoc.ToolGroup, "SELECT FROM tool_groups WHERE id = ANY (?) ORDER BY id FOR UPDATE"},
		{configdoc.MCPClient, "SELECT FROM mcp_servers WHERE client_id = ANY (?) ORDER BY client_id FOR UPDATE"},
	} {
		if err := lockRows(ctx, r.tx, part.query, ids[part.kind], names[part.kind]); err != nil {
			return false, err
		}
	}
	return fresh, nil
}

// refusal is why nothing of the run may stay; nil when it may.
func (r *run) refusal() error {
	switch {
	case len(r.problems) > 0 && r.problems[0].Code == policycase.Failed:
		return &problem.Refusal{Reason: problem.Conflict, Problems: r.problems}
	case len(r.problems) > 0:
		return problem.InvalidInput(r.problems)
	case len(r.conflicts) == 0:
		return nil
	}
	refusal := &problem.Refusal{Reason: problem.Conflict}
	for _, c := range r.conflicts {
		refusal.Problems = append(refusal.Problems, problem.Problem{Field: c.Param, Code: c.Code, Message: c.Message})
	}
	return refusal
}

func (r *run) result() Result {
	out := Result{
		Set: r.Set, State: r.state.fingerprint(), Plan: r.fingerprint(), Changes: r.changes(), Unmanaged: r.unmanaged,
		Conflicts: r.conflicts, Errors: r.problems, Propagations: r.jobs,
	}
	for _, s := range r.steps {
		if !s.changes() {
			out.Unchanged++
		}
	}
	out.Unmanaged, out.Conflicts = append([]Unmanaged{}, out.Unmanaged...), append([]Conflict{}, out.Conflicts...)
	out.Errors = append(problem.Problems{}, out.Errors...)
	return out
}
