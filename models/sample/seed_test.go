package sample_test

import (
	"context"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/dbtest"
	"tollgate/models/ledger"
	"tollgate/models/mcptool"
	"tollgate/models/modelstest"
	"tollgate/models/permission"
	"tollgate/models/sample"
	"tollgate/models/secret"
)

func counts(t *testing.T, db *bun.DB) (n struct{ Providers, Servers, Groups, Profiles, Roles, Users, Copies, Windows, Audit int }) {
	t.Helper()
	err := db.NewRaw(`SELECT (SELECT count(*) FROM providers) AS providers, (SELECT count(*) FROM mcp_servers) AS servers,
		(SELECT count(*) FROM tool_groups) AS groups, (SELECT count(*) FROM access_profiles) AS profiles,
		(SELECT count(*) FROM roles) AS roles, (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM user_access_profiles) AS copies,
		(SELECT count(*) FROM limit_windows) AS windows, (SELECT count(*) FROM audit_logs) AS audit`).Scan(context.Background(), &n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSeedIsRepeatable(t *testing.T) {
	db, ctx := dbtest.New(t), context.Background()
	var first any
	for round := range 2 {
		if err := sample.Seed(ctx, db, secret.Keys{}, permission.CLI); err != nil {
			t.Fatal(err)
		}
		got := counts(t, db)
		if got.Providers != 8 || got.Servers != 5 || got.Groups != 3 || got.Profiles != 12 || got.Roles != 4+4 || got.Users != 200 || got.Copies < 220 {
			t.Fatalf("got %+v", got)
		}
		if round == 1 && first != any(got) {
			t.Fatalf("got %+v, the first time %+v", got, first)
		}
		first = got
	}
	counters, skewed, err := ledger.Verify(ctx, db)
	if err != nil || counters < 500 || len(skewed) > 0 {
		t.Errorf("%d counters, of which %v are not the sum of their events: %v", counters, skewed, err)
	}
}

func TestSeedLeavesExistingRowsAlone(t *testing.T) {
	db, ctx := dbtest.New(t), context.Background()
	own, err := mcptool.CreateServer(ctx, db, secret.Keys{}, permission.CLI, mcptool.ServerInput{Name: modelstest.Value("github"), Tools: modelstest.Values("only_mine")})
	if err != nil {
		t.Fatal(err)
	}
	if err := sample.Seed(ctx, db, secret.Keys{}, permission.CLI); err != nil {
		t.Fatal(err)
	}
	kept, err := mcptool.GetServer(ctx, db, own.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	if len(kept.Tools) != 1 || kept.Tools[0] != "only_mine" {
		t.Errorf("tools became %v", kept.Tools)
	}
	// Two of the groups name tools that this server does not have, and three profiles name such a group.
	if got := counts(t, db); got.Groups != 1 || got.Servers != 5 {
		t.Errorf("got %+v", got)
	}
}

func TestSeedCatalogueWithinATransaction(t *testing.T) {
	db, ctx := dbtest.New(t), context.Background()
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error { return sample.Catalogue(ctx, tx, permission.CLI) })
	if err != nil {
		t.Fatal(err)
	}
	if got := counts(t, db); got.Providers != 8 || got.Profiles != 0 {
		t.Errorf("got %+v", got)
	}
}
