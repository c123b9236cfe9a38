package session_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"tollgate/models/account"
	"tollgate/models/dbtest"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/modelstest"
	"tollgate/models/password"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/session"
)

func TestTriesAreCountedByNetwork(t *testing.T) {
	db := dbtest.New(t)
	var passwords password.Hasher
	for _, from := range []string{
		"192.0.2.1", "192.0.2.254", "::ffff:192.0.2.9", "192.0.3.1", "2001:db8::1", "2001:db8::ffff:0:0:1", "2001:db8:0:1::1", "fe80::1%eth0", "nonsense",
	} {
		_, err := session.CheckPassword(t.Context(), db, &passwords, from, from+"@example.com", "wrong password")
		var refusal *problem.Refusal
		if !errors.As(err, &refusal) || refusal.Reason != problem.Unauthenticated {
			t.Fatalf("%s: %v", from, err)
		}
	}
	var counts []string
	err := db.NewRaw("SELECT subject || ' ' || round(failures) FROM login_throttles WHERE subject LIKE 'network %' ORDER BY subject COLLATE \"C\"").
		Scan(t.Context(), &counts)
	want := []string{
		"network 192.0.2.0/24 3", "network 192.0.3.0/24 1", "network 2001:db8:0:1::/64 1", "network 2001:db8::/64 2", "network fe80::/64 1", "network unknown 1",
	}
	if err != nil || !slices.Equal(counts, want) {
		t.Errorf("counts: %q, %v", counts, err)
	}
}

// A sign-in that comes while the queue is full is sent away at once.
func TestHashesQueueIsShort(t *testing.T) {
	var passwords password.Hasher
	const crowd = 60
	var group sync.WaitGroup
	reasons := make(chan problem.Reason, crowd)
	start := make(chan struct{})
	for range crowd {
		group.Go(func() {
			<-start
			_, err := passwords.Hash(t.Context(), "correct horse battery")
			var refusal *problem.Refusal
			if errors.As(err, &refusal) {
				reasons <- refusal.Reason
			}
		})
	}
	close(start)
	group.Wait()
	close(reasons)
	refused := 0
	for reason := range reasons {
		if refused++; reason != problem.TooMany {
			t.Errorf("refused for reason %d", reason)
		}
	}
	if hashed := int(passwords.Hashed()); hashed+refused != crowd || hashed < 18 || refused == 0 {
		t.Errorf("%d hashed, %d refused", hashed, refused)
	}
}

func TestCreateUserChecksItsInput(t *testing.T) {
	db := dbtest.New(t)
	var passwords password.Hasher
	create := func(email, password, role string) (identity.User, error) {
		return account.CreateUser(t.Context(), db, &passwords, permission.CLI, identity.UserInput{
			Email: input.FormValue(email), Password: input.FormValue(password), Role: input.FormValue(role),
		})
	}
	for _, test := range []struct{ email, password, role, field, code string }{
		{"", "correct horse battery", "Admin", "email", "required"},
		{"ada", "correct horse battery", "Admin", "email", "invalid_email"},
		{"a b@c", "correct horse battery", "Admin", "email", "invalid_email"},
		{"a@b@c", "correct horse battery", "Admin", "email", "invalid_email"},
		{strings.Repeat("a", 250) + "@b.cd", "correct horse battery", "Admin", "email", "too_long"},
		{"ada@example.com", "elevenbytes", "Admin", "password", "too_short"},
		{"ada@example.com", strings.Repeat("x", 1025), "Admin", "password", "too_long"},
		{"ada@example.com", "correct horse battery", "", "role", "required"},
		{"ada@example.com", "correct horse battery", "Owner", "role", "unknown_role"},
	} {
		_, err := create(test.email, test.password, test.role)
		modelstest.RefusedAs(t, err, problem.Invalid, test.field, test.code)
	}
	ada, err := create("Ada@Example.com", "twelve bytes", "developer")
	if err != nil || ada.Name != "Ada" || ada.Email != "Ada@Example.com" || ada.Role != "Developer" || !slices.Contains(ada.Permissions, "Providers:Delete") {
		t.Errorf("%+v, %v", ada, err)
	}
	_, err = create("ADA@example.com", "correct horse battery", "Admin")
	modelstest.RefusedAs(t, err, problem.Conflict, "email", "email_taken")
}
