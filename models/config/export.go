package config

import (
	"context"
	"encoding/json"

	"github.com/uptrace/bun"

	"tollgate/models/configdoc"
	"tollgate/models/database"
	"tollgate/models/permission"
)

// Exported are the current documents in their canonical form, ordered by kind and name.
type Exported struct {
	Documents []json.RawMessage `json:"documents"`
	State     string            `json:"state"`
}

// Of says which documents to export.
type Of struct {
	Set     string // those of a set; of everything when it is ""
	Unowned bool   // those that belong to no set
	Users   bool   // users too
}

func (of Of) has(row *current) bool {
	switch {
	case row.Kind == configdoc.User && !of.Users:
		return false
	case of.Unowned:
		return row.owner == nil
	}
	return of.Set == "" || row.owner != nil && row.owner.SetName == of.Set
}

// Export reads documents. Kinds are left out that the actor may not view. Refusal: Forbidden when a set is asked for
// that has such a kind, or users are.
func Export(ctx context.Context, db bun.IDB, actor permission.Actor, of Of) (Exported, error) {
	out := Exported{Documents: []json.RawMessage{}}
	if of.Users {
		if err := allowed(actor, configdoc.User, "View"); err != nil {
			return out, err
		}
	}
	now, err := loadSnapshot(ctx, db, of.Users)
	if err != nil {
		return out, err
	}
	for _, id := range now.order {
		row := now.rows[id]
		if !of.has(row) || isUnset(row) {
			continue
		}
		if err := allowed(actor, id.Kind, "View"); err != nil && of.Set != "" {
			return out, err
		} else if err == nil {
			out.Documents = append(out.Documents, json.RawMessage(row.body.Text))
		}
	}
	out.State = now.fingerprint()
	return out, nil
}

func loadSnapshot(ctx context.Context, db bun.IDB, users bool) (now *state, err error) {
	err = database.InSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
		now, err = load(ctx, db, users)
		return err
	})
	return now, err
}

// isUnset reports settings of which none is set: they are no document.
func isUnset(row *current) bool {
	return row.Kind == configdoc.Settings && len(row.body.Node.Members) == 1
}

// Drift is a resource of a set that is not as it was applied last.
type Drift struct {
	Set      string                  `json:"set"`
	Kind     string                  `json:"kind"`
	Name     string                  `json:"name"`
	Drift    string                  `json:"drift"`              // "changed", "deleted" or "handed_over"
	Fields   []configdoc.FieldChange `json:"fields"`             // from what was applied to what the console has
	Document json.RawMessage         `json:"document,omitempty"` // what the console has
}

// Drifts lists the resources that were changed or deleted in the console, those of one set or of all when it is "", of
// kinds that the actor may view.
func Drifts(ctx context.Context, db bun.IDB, actor permission.Actor, set string) ([]Drift, error) {
	now, err := loadSnapshot(ctx, db, false)
	if err != nil {
		return nil, err
	}
	found := []Drift{}
	for _, id := range now.owned() {
		owner, row := now.owners[id], now.rows[id]
		how := now.drift(owner, row)
		if how == "" || set != "" && owner.SetName != set || allowed(actor, id.Kind, "View") != nil {
			continue
		}
		d := Drift{Set: owner.SetName, Kind: owner.Kind, Name: owner.Name, Drift: how, Fields: []configdoc.FieldChange{}}
		if row != nil {
			d.Fields = configdoc.Compare(owner.Base().Node, row.body.Node)
			d.Document = json.RawMessage(row.body.Text)
		}
		found = append(found, d)
	}
	return found, nil
}
