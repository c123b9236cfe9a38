package blast

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/money"
	"tollgate/models/policy"
)

// Days is how far back usage counts.
const Days = 30

// mostNamed is how many users, and models or tools, are named.
const mostNamed = 5

// toolProvider is what usage has in the place of a provider for tools.
const toolProvider = "mcp"

// Removed is what holders used lately and could no longer use.
type Removed struct {
	Calls int64
	Cost  money.Money
	Users int64
	Names []string // of those who used most of it
	Items []Item   // most used first

	Unknown bool // there is too much usage to read it while the profile is edited
}

// Item is a model or tool.
type Item struct {
	Provider, Model string
	Calls           int64
	Cost            money.Money
}

// Name is the item with its provider, or with its server.
func (i Item) Name() string {
	if i.Provider == toolProvider {
		return i.Model
	}
	return i.Provider + "/" + i.Model
}

// UsedAndRemoved reads what the holders of a profile used in the last [Days] that one policy grants and another does
// not.
func UsedAndRemoved(
	ctx context.Context, db bun.IDB, profileID int64, before, after policy.Policy, offered catalogue.Catalogue,
) (Removed, error) {
	var removed Removed
	lost := losing(before, after, offered)
	if len(lost.providers) == 0 {
		return removed, nil
	}
	ended, err := database.Briefly(ctx, db, patience, func(ctx context.Context, db bun.IDB) error {
		if err := removed.readItems(ctx, db, profileID, lost); err != nil || len(removed.Items) == 0 {
			return err
		}
		return removed.readUsers(ctx, db, profileID)
	})
	if !ended {
		removed = Removed{Unknown: true}
	}
	return removed, err
}

// readItems reads the models and tools that were used and are removed.
func (r *Removed) readItems(ctx context.Context, db bun.IDB, profileID int64, lost losses) error {
	err := db.NewRaw(`
SELECT provider, model, sum(requests)::bigint AS calls, least(sum(cost), 9e18)::bigint AS cost FROM usage_days
WHERE access_profile_id = ? AND provider = ANY (?) AND day > (now() AT TIME ZONE 'UTC')::date - ?
GROUP BY provider, model ORDER BY cost DESC, calls DESC, provider, model`,
		profileID, pgdialect.Array(lost.providers), Days).Scan(ctx, &r.Items)
	if err != nil {
		return fmt.Errorf("read what was used of access profile %d: %w", profileID, err)
	}
	r.Items = slices.DeleteFunc(r.Items, func(i Item) bool { return !lost.loses(i) })
	return nil
}

// readUsers adds who used the items.
func (r *Removed) readUsers(ctx context.Context, db bun.IDB, profileID int64) error {
	providers, models := make([]string, len(r.Items)), make([]string, len(r.Items))
	for i, item := range r.Items {
		providers[i], models[i] = item.Provider, item.Model
		r.Calls, r.Cost = r.Calls+item.Calls, r.Cost+item.Cost
	}
	var rows []struct {
		Name  string
		Users int64
	}
	err := db.NewRaw(`
SELECT coalesce(u.name, 'a user who is gone') AS name, s.users FROM (
    SELECT d.user_id, sum(d.cost) AS cost, sum(d.requests) AS calls, count(*) OVER () AS users
    FROM usage_days AS d JOIN unnest(?::text[], ?::text[]) AS gone(provider, model) USING (provider, model)
    WHERE d.access_profile_id = ? AND d.day > (now() AT TIME ZONE 'UTC')::date - ?
    GROUP BY d.user_id ORDER BY cost DESC, calls DESC, d.user_id LIMIT ?
) AS s LEFT JOIN users AS u ON u.id = s.user_id ORDER BY s.cost DESC, s.calls DESC, s.user_id`,
		pgdialect.Array(providers), pgdialect.Array(models), profileID, Days, mostNamed).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read who used what of access profile %d: %w", profileID, err)
	}
	for _, row := range rows {
		r.Names, r.Users = append(r.Names, row.Name), row.Users
	}
	return nil
}

// losses are the models and tools that one policy grants and another does not.
type losses struct {
	providers     []string // as usage has them, of which something goes
	before, after map[string]policy.ProviderConfig
	tools         map[string]bool // "server/tool"
	offered       catalogue.Catalogue
}

func losing(before, after policy.Policy, offered catalogue.Catalogue) losses {
	l := losses{before: byProvider(before), after: byProvider(after), tools: map[string]bool{}, offered: offered}
	for name, was := range l.before {
		is, stays := l.after[name]
		gone := func(model string) bool { return !is.MatchModel(catalogue.BareModel(name, model)) }
		if !stays || was.AllModelsAllowed && !is.AllModelsAllowed || is.RefuseUnpriced && !was.RefuseUnpriced ||
			slices.ContainsFunc(was.AllowedModels, gone) {
			l.providers = append(l.providers, name)
		}
	}
	for _, grant := range policy.Grants(offered, before) {
		for _, tool := range grant.Tools {
			l.tools[grant.Server+"/"+tool] = true
		}
	}
	for _, grant := range policy.Grants(offered, after) {
		for _, tool := range grant.Tools {
			delete(l.tools, grant.Server+"/"+tool)
		}
	}
	if len(l.tools) > 0 {
		l.providers = append(l.providers, toolProvider)
	}
	slices.SortFunc(l.providers, strings.Compare)
	return l
}

func byProvider(p policy.Policy) map[string]policy.ProviderConfig {
	configs := make(map[string]policy.ProviderConfig, len(p.ProviderConfigs))
	for _, config := range p.ProviderConfigs {
		configs[config.ProviderName] = config
	}
	return configs
}

// loses reports whether an item is among the losses.
func (l losses) loses(i Item) bool {
	if i.Provider == toolProvider && l.tools[i.Model] {
		return true
	}
	return l.grants(l.before, i) && !l.grants(l.after, i)
}

// grants reports whether the configs of a policy grant a model, at its price in the catalogue.
func (l losses) grants(configs map[string]policy.ProviderConfig, i Item) bool {
	config, named := configs[i.Provider]
	if !named || !config.MatchModel(i.Model) {
		return false
	}
	_, priced := l.offered.Price(i.Provider, i.Model)
	return priced || !config.RefuseUnpriced
}
