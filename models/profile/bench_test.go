package profile_test

import (
	"fmt"
	"testing"

	"tollgate/models/dbtest"
	"tollgate/models/input"
	"tollgate/models/modelstest"
	"tollgate/models/permission"
	"tollgate/models/policy"
	"tollgate/models/profile"
)

// BenchmarkStatementsOfSave counts what creating and changing a profile with 100 providers and 100 budgets takes, BEGIN
// and COMMIT included.
func BenchmarkStatementsOfSave(b *testing.B) {
	db := dbtest.New(b)
	in := large(b, db)
	hook := &statements{}
	counted := db.WithQueryHook(hook)
	n := 0
	most := int64(0)
	for b.Loop() {
		n++
		in.Name = modelstest.Word(fmt.Sprintf("Large %d", n))
		created, err := profile.Create(b.Context(), counted, permission.CLI, in)
		if err != nil {
			b.Fatal(err)
		}
		most = max(most, hook.n.Swap(0))
		changed := in
		changed.ProviderConfigs.Items = in.ProviderConfigs.Items[1:]
		changed.Budgets, changed.MCPServers = budgets(budget("5", "1M")), input.List[policy.ServerGrantInput]{Kind: input.Array}
		if _, err := profile.Update(b.Context(), counted, permission.CLI, created.ID, nil, changed); err != nil {
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
		in.Name = modelstest.Word(fmt.Sprintf("Large %d", i))
		if _, err := profile.Create(b.Context(), db, permission.CLI, in); err != nil {
			b.Fatal(err)
		}
	}
	hook := &statements{}
	counted := db.WithQueryHook(hook)
	n := 0
	for b.Loop() {
		n++
		active := true
		found, err := profile.List(b.Context(), counted, profile.Query{Limit: 25, Sort: "name", IsActive: &active})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := profile.DocumentsAt(b.Context(), counted, found.Profiles); err != nil {
			b.Fatal(err)
		}
		if _, err := profile.Tags(b.Context(), counted); err != nil {
			b.Fatal(err)
		}
	}
	const session = 1 // the check of the caller
	b.ReportMetric(float64(hook.n.Load())/float64(n)+session, "statements/op")
}
