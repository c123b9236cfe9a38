package models_test

import (
	"fmt"
	"testing"

	"tollgate/models"
	"tollgate/models/dbtest"
)

// BenchmarkStatementsOfSave counts what creating and changing a profile with 100 providers and 100 budgets takes, BEGIN and COMMIT included.
func BenchmarkStatementsOfSave(b *testing.B) {
	db := dbtest.New(b)
	in := large(b, db)
	hook := &statements{}
	counted := db.WithQueryHook(hook)
	n := 0
	most := int64(0)
	for b.Loop() {
		n++
		in.Name = word(fmt.Sprintf("Large %d", n))
		created, err := models.CreateAccessProfile(b.Context(), counted, models.CLI, in)
		if err != nil {
			b.Fatal(err)
		}
		most = max(most, hook.n.Swap(0))
		changed := in
		changed.ProviderConfigs.Items = in.ProviderConfigs.Items[1:]
		changed.Budgets, changed.MCPServers = budgets(budget("5", "1M")), models.List[models.ServerGrantInput]{Kind: models.Array}
		if _, err := models.UpdateAccessProfile(b.Context(), counted, models.CLI, created.ID, nil, changed); err != nil {
			b.Fatal(err)
		}
		most = max(most, hook.n.Swap(0))
	}
	b.ReportMetric(float64(most), "statements/op")
}

// BenchmarkStatementsOfList counts what the profiles page asks of the database for a page that it has not shown before.
func BenchmarkStatementsOfList(b *testing.B) {
	db := dbtest.New(b)
	in := large(b, db)
	for i := range 30 {
		in.Name = word(fmt.Sprintf("Large %d", i))
		if _, err := models.CreateAccessProfile(b.Context(), db, models.CLI, in); err != nil {
			b.Fatal(err)
		}
	}
	hook := &statements{}
	counted := db.WithQueryHook(hook)
	n := 0
	for b.Loop() {
		n++
		active := true
		found, _, err := models.ListAccessProfiles(b.Context(), counted, models.AccessProfileQuery{Limit: 25, Sort: "name", IsActive: &active})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := models.AccessProfileDocumentsAt(b.Context(), counted, found); err != nil {
			b.Fatal(err)
		}
		if _, err := models.AccessProfileTags(b.Context(), counted); err != nil {
			b.Fatal(err)
		}
	}
	const session = 1 // the check of who asks
	b.ReportMetric(float64(hook.n.Load())/float64(n)+session, "statements/op")
}
