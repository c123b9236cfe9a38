package importer

import (
	"math/big"
	"slices"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// owner is a team or a customer, by the name of the field that names it.
type owner struct{ field, id string }

// ownersOf are the team and the customers whose budgets a key shares.
func ownersOf(governance, key configfile.Node) (owners []owner) {
	add := func(n configfile.Node, field string) {
		of := owner{field, firstText(n, field)}
		if of.id != "" && !slices.Contains(owners, of) {
			owners = append(owners, of)
		}
	}
	add(key, "team_id")
	add(key, "customer_id")
	teams, _ := governance.Get("teams")
	for _, team := range teams.Items {
		if id := firstText(team, "id"); id != "" && id == firstText(key, "team_id") {
			add(team, "customer_id")
		}
	}
	return owners
}

// shareOut gives the keys of teams or customers what they get of their budgets, and notes what that means.
func (b *bifrost) shareOut(governance, rows, keys configfile.Node, path string) {
	field := map[string]string{"governance.teams": "team_id", "governance.customers": "customer_id"}[path]
	for i, row := range rows.Items {
		of, at := owner{field, firstText(row, "id")}, input.Index(path, i)
		count := 0
		for _, key := range keys.Items {
			if slices.Contains(ownersOf(governance, key), of) {
				count++
			}
		}
		name := firstText(row, "name", "id")
		if count == 0 {
			b.note(Lost, row, at, name+" has no keys that its budgets could be shared out among")
			continue
		}
		budgets := b.budgetsOf(row, at, func(budget configfile.Node) bool {
			return of.id != "" && firstText(budget, field) == of.id
		})
		for j := range budgets.Items {
			b.note(Changed, row, input.Index(at+".budgets", j), "of "+name+", "+b.Share.among(&budgets.Items[j], count, "key"))
		}
		b.shared[of] = budgets.Items
		if _, limited := row.Get("rate_limit_id"); limited {
			b.note(Lost, row, at+".rate_limit_id", "the keys of "+name+" share it; a limit here is of one user")
		}
		b.rest(row, at, Stays, inGateway, "id", "name", "budget_id", "budgets", "rate_limit_id", "customer_id")
	}
}

// lowest adds budgets to those of a profile. Of two with one window the lower one is kept, which is the one that ends
// first there too.
func lowest(budgets configfile.Node, more []configfile.Node) configfile.Node {
	budgets.Items = slices.Clone(budgets.Items)
	for _, budget := range more {
		i := ofWindow(budgets, firstText(budget, "reset_duration"))
		switch {
		case i < 0:
			budgets.Kind, budgets.Items = input.Array, append(budgets.Items, budget)
		case amountOf(budget).Cmp(amountOf(budgets.Items[i])) < 0:
			budgets.Items[i] = budget
		}
	}
	return budgets
}

// ofWindow is the index of the budget with a window; -1 when there is none.
func ofWindow(budgets configfile.Node, window string) int {
	return slices.IndexFunc(budgets.Items, func(row configfile.Node) bool {
		return firstText(row, "reset_duration") == window
	})
}

func amountOf(budget configfile.Node) *big.Rat {
	most, _ := budget.Get("max_limit")
	amount, ok := new(big.Rat).SetString(most.Text)
	if !ok {
		return new(big.Rat)
	}
	return amount
}
