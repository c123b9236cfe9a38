package profile_test

import (
	"slices"
	"strconv"
	"testing"

	"tollgate/models/dbtest"
	"tollgate/models/input"
	"tollgate/models/modelstest"
	"tollgate/models/permission"
	"tollgate/models/profile"
)

func tagged(name string, tags ...string) profile.Input {
	in := profile.Input{Row: modelstest.Object(), Name: modelstest.Word(name), Tags: input.List[input.Value]{Kind: input.Array}}
	for _, tag := range tags {
		in.Tags.Items = append(in.Tags.Items, modelstest.Word(tag))
	}
	return in
}

func TestListsKnowTheTotalAndTheTagsThroughEveryChange(t *testing.T) {
	db := dbtest.New(t)
	requireList := func(total int64, tags ...string) {
		t.Helper()
		page, err := profile.List(t.Context(), db, profile.Query{Limit: 1, Sort: "name"})
		if err != nil || page.Total != total || int64(len(page.Profiles)) != min(1, total) {
			t.Errorf("a page of %d out of %d, %v; want %d", len(page.Profiles), page.Total, err, total)
		}
		known, err := profile.Tags(t.Context(), db)
		if err != nil || !slices.Equal(known, tags) {
			t.Errorf("tags %q, %v; want %q", known, err, tags)
		}
	}
	requireList(0)
	var ids []int64
	for i, tags := range [][]string{{"Beta", "alpha"}, {"alpha"}, {"gamma", "beta"}} {
		p, err := profile.Create(t.Context(), db, permission.CLI, tagged("Profile "+strconv.Itoa(i), tags...))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.ID)
	}
	requireList(3, "alpha", "Beta", "gamma")
	if _, err := profile.Clone(t.Context(), db, permission.CLI, ids[0], profile.CloneInput{Row: modelstest.Object(), Name: modelstest.Word("Copy")}); err != nil {
		t.Fatal(err)
	}
	requireList(4, "alpha", "Beta", "gamma")
	if _, err := profile.Update(t.Context(), db, permission.CLI, ids[2], nil, tagged("Renamed", "delta")); err != nil {
		t.Fatal(err)
	}
	requireList(4, "alpha", "Beta", "delta")
	if err := profile.Delete(t.Context(), db, permission.CLI, ids[2], nil); err != nil {
		t.Fatal(err)
	}
	requireList(3, "alpha", "Beta")
	if _, err := profile.Create(t.Context(), db, permission.CLI, tagged("profile 0", "lost")); err == nil {
		t.Error("a name was taken twice")
	}
	requireList(3, "alpha", "Beta")
}

// The audit row goes with the COMMIT: where it cannot be written, nothing is.
func TestAChangeWithoutItsAuditRowIsNone(t *testing.T) {
	appURL, ownerURL := dbtest.URLs(t)
	db, owner := modelstest.Open(t, appURL), modelstest.Open(t, ownerURL)
	if _, err := owner.Exec("ALTER TABLE audit_logs ADD CONSTRAINT audit_full CHECK (action <> 'create')"); err != nil {
		t.Fatal(err)
	}
	for range 20 { // more often than there are connections
		if p, err := profile.Create(t.Context(), db, permission.CLI, tagged("Unseen", "unseen")); err == nil {
			t.Fatalf("%q was created without an audit row", p.Name)
		}
	}
	var rows int
	err := db.NewRaw(`SELECT (SELECT count(*) FROM access_profiles) + (SELECT count(*) FROM access_profile_tags) + (SELECT count(*) FROM policies)
		+ (SELECT count(*) FROM audit_logs) + (SELECT access_profiles FROM audit_head)`).Scan(t.Context(), &rows)
	if err != nil || rows != 0 {
		t.Errorf("%d rows stayed, %v", rows, err)
	}
	if _, err := owner.Exec("ALTER TABLE audit_logs DROP CONSTRAINT audit_full"); err != nil {
		t.Fatal(err)
	}
	if _, err := profile.Create(t.Context(), db, permission.CLI, tagged("Seen")); err != nil {
		t.Error(err)
	}
}
