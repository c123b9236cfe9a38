package webtest

import (
	"log/slog"
	"maps"
	"net/http"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models/dbtest"
	"tollgate/models/ledger"
)

// What many tests begin with is made once for all of them.
var (
	checked = &dbtest.Prepared{Fill: func(t testing.TB, app, _ string) { checkBooks(t, Connect(t, app)) }}

	cast  Cast
	casts = &dbtest.Prepared{Fill: func(t testing.TB, app, owner string) { cast = fillCast(t, app, owner) }}

	stage  Stage
	stages = &dbtest.Prepared{Fill: func(t testing.TB, app, owner string) { stage = fillStage(t, app, owner) }}

	gateway  Gateway
	gateways = &dbtest.Prepared{Fill: func(t testing.TB, app, owner string) { gateway = fillGateway(t, app, owner) }}
)

// checkBooks does the hourly work of a console, which takes longer than many a test.
func checkBooks(t testing.TB, db *bun.DB) {
	t.Helper()
	reconciler := ledger.NewReconciler(db, slog.New(slog.DiscardHandler), ledger.DefaultKeep)
	if err := reconciler.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// NewCast starts a console with profiles that hostile requests are aimed at.
func NewCast(t testing.TB) Cast {
	t.Helper()
	app, owner := casts.URLs(t)
	return cast.at(startConsole(t, app, owner))
}

func fillCast(t testing.TB, app, owner string) Cast {
	t.Helper()
	db := Connect(t, app)
	checkBooks(t, db)
	t.Cleanup(func() { leave(t, db) })
	c := startConsole(t, app, owner)
	c.addUsers()
	for _, row := range []string{
		`INSERT INTO providers (name, models) VALUES ('openai', '{gpt-4o,gpt-4o-mini}')`,
		`INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('github', 'github', 'github', '{create_issue,delete_repo}'), ('jira', 'jira', 'jira', '{t}')`,
		`INSERT INTO tool_groups (name, name_key) VALUES ('Review', 'review')`,
	} {
		c.Exec(row)
	}
	made := Cast{c, c.APIKey(), c.APIKey("AccessProfiles:View"), c.Login(Admin).With("Sec-Fetch-Site", "same-origin")}
	for _, name := range []string{"Engineering", "Straße", "Café"} {
		made.Admin.API("POST", "/api/access-profiles", map[string]string{"name": name}).Is(http.StatusCreated)
	}
	return made
}

// leave forgets the console that filled a database: it is not one of those that serve a copy.
func leave(t testing.TB, db *bun.DB) {
	t.Helper()
	if _, err := db.Exec("DELETE FROM decision_consoles; DELETE FROM consoles"); err != nil {
		t.Error(err)
	}
}

// at is the cast of a copy, whose session and keys were used just now.
func (c Cast) at(console *Console) Cast {
	console.T.Helper()
	console.Exec("UPDATE sessions SET seen_at = now(); UPDATE api_keys SET last_used_at = now() WHERE last_used_at IS NOT NULL")
	return Cast{console, c.Admin.At(console), c.Viewer.At(console), c.Session.At(console)}
}

// NewStage starts a console with two profiles and the users of tests about copies.
func NewStage(t testing.TB) Stage {
	t.Helper()
	app, owner := stages.URLs(t)
	return stage.on(startConsole(t, app, owner))
}

func (s Stage) on(console *Console) Stage {
	console.T.Helper()
	return Stage{Cast: s.at(console), Ada: s.Ada, Bob: s.Bob}
}

func fillStage(t testing.TB, app, owner string) Stage {
	t.Helper()
	s := Stage{Cast: fillCast(t, app, owner)}
	s.Admin.API("POST", "/api/access-profiles", Nested).Is(http.StatusCreated)
	s.Ada, s.Bob = s.Member(Ada, "Viewer"), s.Member(Bob, "Viewer")
	return s
}

// NewGateway starts a console with a user, a copy of a profile, a virtual key and an API key for gateways.
func NewGateway(t testing.TB) Gateway {
	t.Helper()
	app, owner := gateways.URLs(t)
	return Gateway{Stage: gateway.on(startConsole(t, app, owner)), Work: gateway.Work, Held: maps.Clone(gateway.Held), Key: gateway.Key}
}

func fillGateway(t testing.TB, app, owner string) Gateway {
	t.Helper()
	g := Gateway{Stage: fillStage(t, app, owner)}
	g.Work = g.ProfileNaming("Work", Work)
	g.Held, g.Key = g.Give(g.Ada, g.Work)
	return g
}
