package config

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/account"
	"tollgate/models/attachment"
	"tollgate/models/catalogue"
	"tollgate/models/configdoc"
	"tollgate/models/configset"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identityprovider"
	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/policycase"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/models/secret"
	"tollgate/models/setting"
)

// saver saves documents through the functions of the API, in one transaction.
type saver struct {
	tx    database.Tx
	keys  secret.Keys
	actor permission.Actor

	groups, roles, profiles, connections map[string]int64 // ids by key, of new resources too
	formerRoles                          map[string]int64 // ids by the keys of before

	later []configdoc.Wanted // servers that lose tools
}

// carryOut saves what differs, and collects every problem.
func (r *run) carryOut(ctx context.Context) error {
	if r.plan != "" && r.plan != r.fingerprint() {
		return problem.Refuse(problem.Stale, "plan", "stale_plan",
			"Plan again: the console, the files or the options have changed since this plan was made.")
	}
	if err := r.permitted(); err != nil {
		return err
	}
	if len(r.problems) > 0 || r.apply && len(r.conflicts) > 0 {
		return nil
	}
	s := &saver{
		tx: r.tx, keys: r.keys, actor: r.actor,
		groups: map[string]int64{}, roles: map[string]int64{}, profiles: map[string]int64{}, connections: map[string]int64{},
	}
	for id, row := range r.state.rows {
		if id.Kind == configdoc.AccessProfile {
			s.profiles[id.Key] = row.id
		}
	}
	for id, row := range r.state.ids {
		switch id.Kind {
		case configdoc.ToolGroup:
			s.groups[id.Key] = row
		case configdoc.Role:
			s.roles[id.Key] = row
		case configdoc.SCIMConnection:
			s.connections[id.Key] = row
		}
	}
	s.formerRoles = maps.Clone(s.roles)
	for _, part := range []func(context.Context, *saver) error{
		r.saveSteps, r.finishServers, r.deleteRows, r.recordOwners, r.askTests, r.findEffects, r.startPropagations,
	} {
		if err := part(ctx, s); err != nil || len(r.problems) > 0 {
			return err
		}
	}
	return nil
}

func (r *run) saveSteps(ctx context.Context, s *saver) error {
	failed := map[configdoc.ID]bool{}
	for _, step := range r.steps {
		if step.unchanged() || r.isForeign(step) {
			continue
		}
		if step.needs(failed) { // its problems would only follow from theirs
			failed[step.ID] = true
			continue
		}
		before := len(r.problems)
		if err := r.try(ctx, step.At, func() error { return s.save(ctx, step) }); err != nil {
			return err
		}
		failed[step.ID] = len(r.problems) > before
	}
	return nil
}

// needs reports a document that names one of these.
func (s step) needs(failed map[configdoc.ID]bool) bool {
	return slices.ContainsFunc(s.Refs, func(ref configdoc.Reference) bool {
		return failed[configdoc.IDOf(ref.Kind, ref.Name)]
	})
}

// isForeign reports a resource of another set, which a plan shows and leaves alone.
func (r *run) isForeign(s step) bool {
	owner := r.state.owners[s.ID]
	if s.old != nil {
		owner = s.old.owner
	}
	return owner != nil && owner.SetName != r.Set
}

func (s *saver) save(ctx context.Context, step step) error {
	switch step.Kind {
	case configdoc.Provider:
		return s.provider(ctx, step.Wanted, step.old)
	case configdoc.MCPClient:
		return s.server(ctx, step.Wanted, step.old)
	case configdoc.ToolGroup:
		return s.toolGroup(ctx, step.Wanted, step.old)
	case configdoc.Role:
		return s.role(ctx, step.Wanted, step.old)
	case configdoc.AccessProfile:
		return s.profile(ctx, step.Wanted, step.old)
	case configdoc.User:
		return s.saveUser(ctx, step.Wanted, step.old)
	case configdoc.SCIMConnection:
		return s.directory(ctx, step.Wanted, step.old)
	case configdoc.IdentityProvider:
		return s.signIn(ctx, step.Wanted, step.old)
	}
	return s.settings(ctx, step.Wanted)
}

func (r *run) finishServers(ctx context.Context, s *saver) error {
	for _, w := range s.later {
		if err := r.try(ctx, w.At, func() error { return s.finishServer(ctx, w) }); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) deleteRows(ctx context.Context, s *saver) error {
	if int64(len(r.deletions)) > r.MaxDeletes { // a conflict
		return nil
	}
	for _, row := range r.deletions {
		if err := r.try(ctx, "", func() error { return s.remove(ctx, row) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *saver) remove(ctx context.Context, row *current) error {
	switch row.Kind {
	case configdoc.Provider:
		return catalogue.DeleteProvider(ctx, s.tx, s.actor, row.Name)
	case configdoc.MCPClient:
		return mcptool.DeleteServer(ctx, s.tx, s.actor, row.Name)
	case configdoc.ToolGroup:
		return mcptool.DeleteToolGroup(ctx, s.tx, s.actor, row.id)
	case configdoc.Role:
		_, err := attachment.DeleteRole(ctx, s.tx, s.actor, row.id)
		return err
	case configdoc.AccessProfile:
		return profile.Delete(ctx, s.tx, s.actor, row.id, nil)
	case configdoc.User:
		_, err := account.DeleteUser(ctx, s.tx, s.actor, row.user)
		return err
	case configdoc.SCIMConnection:
		_, err := connection.Delete(ctx, s.tx, s.actor, row.id)
		return err
	case configdoc.IdentityProvider:
		_, err := identityprovider.Delete(ctx, s.tx, s.actor, row.id)
		return err
	}
	_, err := setting.SetGatewayAddress(ctx, s.tx, s.actor, setting.Input{GatewayAddress: input.Value{Kind: input.Null}})
	return err
}

// try runs one save. What the save refuses is collected, so that all problems of a run are known; nothing of a run with
// a problem stays.
func (r *run) try(ctx context.Context, at string, save func() error) error {
	if _, err := r.tx.ExecContext(ctx, "SAVEPOINT document"); err != nil {
		return fmt.Errorf("set a savepoint: %w", err)
	}
	err := save()
	if err == nil {
		_, err = r.tx.ExecContext(ctx, "RELEASE SAVEPOINT document")
		return err
	}
	refusal, refused := problem.AsRefusal(err)
	if !refused {
		return err
	}
	found := make(problem.Problems, len(refusal.Problems))
	for i, p := range refusal.Problems {
		p.Field = configdoc.Below(at, configdoc.FieldOf(p.Field))
		found[i] = p
	}
	if refusal.Reason != problem.Invalid && refusal.Reason != problem.Conflict && refusal.Reason != problem.NotFound {
		return &problem.Refusal{Reason: refusal.Reason, Problems: found, RetryAfter: refusal.RetryAfter}
	}
	r.problems = append(r.problems, found...)
	if _, err := r.tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT document"); err != nil {
		return fmt.Errorf("return to a savepoint: %w", err)
	}
	return nil
}

func (r *run) recordOwners(ctx context.Context, s *saver) error {
	var applied []configdoc.Wanted
	gone := r.forgotten()
	for _, step := range r.steps {
		if r.isForeign(step) {
			continue
		}
		applied = append(applied, step.Wanted)
		if step.old != nil && step.old.ID != step.ID {
			gone = append(gone, step.old.ID)
		}
	}
	for _, row := range slices.Concat(r.released, r.deletions) {
		gone = append(gone, row.ID)
	}
	return configset.Save(ctx, s.tx, r.Set, applied, gone)
}

// forgotten are the resources of the set that are gone, and that no document makes again.
func (r *run) forgotten() (ids []configdoc.ID) {
	for _, id := range r.state.owned() {
		_, there := r.state.rows[id]
		if !there && r.state.owners[id].SetName == r.Set &&
			!slices.ContainsFunc(r.steps, func(s step) bool { return s.ID == id }) {
			ids = append(ids, id)
		}
	}
	return ids
}

func lockRows(ctx context.Context, db bun.IDB, query string, ids []int64, names []string) error {
	var list any = pgdialect.Array(ids)
	if len(ids) == 0 {
		list = pgdialect.Array(names)
	}
	if len(ids)+len(names) == 0 {
		return nil
	}
	if _, err := db.NewRaw(query, list).Exec(ctx); err != nil {
		return fmt.Errorf("lock the rows that change: %w", err)
	}
	return nil
}

func count(n int64) string { return plural.Of(n, "resource") }

func (r *run) askTests(ctx context.Context, s *saver) error {
	problems, err := policycase.Ask(ctx, s.tx, r.tests)
	r.problems = append(r.problems, problems...)
	return err
}
