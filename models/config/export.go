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

// Export reads the documents of a set, or of everything when it is "", with users when they are asked for. Of
// everything, kinds are left out that the actor may not view. Refusal: Forbidden when the set has such a kind, or users
// are asked for.
func Export(ctx context.Context, db bun.IDB, actor permission.Actor, set string, users bool) (Exported, error) {
	out := Exported{Documents: []json.RawMessage{}}
	if users {
		if err := allowed(actor, configdoc.User, "View"); err != nil {
			return out, err
		}
	}
	now, err := loadSnapshot(ctx, db, users)
	if err != nil {
		return out, err
	}
	for _, id := range now.order {
		row := now.rows[id]
		if set != "" && (row.owner == nil || row.owner.SetName != set) || isUnset(row) || id.Kind == configdoc.User && !users {
			continue
		}
		if err := allowed(actor, id.Kind, "View"); err != nil && set != "" {
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
			d.Fields = configdoc.Compare(baseOf(owner).Node, row.body.Node)
			d.Document = json.RawMessage(row.body.Text)
		}
		found = append(found, d)
	}
	return found, nil
}
