package web_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"tollgate/web/webtest"
)

// A push of a thousand members that is cut at any message between the console and its database, by a lost connection or
// by a directory that hangs up, leaves members, roles, copies and the audit log as they were or wholly as they are to
// be; sent again, it ends as if it had never been cut.
func TestGroupPushThatIsCut(t *testing.T) {
	t.Parallel()
	g := webtest.NewGateway(t)
	d := g.Directory("Okta", "Viewer")
	staff := g.AddRole("Staff")
	g.AssignByRole(g.Work, "Staff")
	group := d.Group("Staff")
	d.Rules(webtest.Object{"group_id": group, "role_id": staff}).Is(200)
	ids := thousand(g, d)
	w, address := g.DatabaseWire(nil)
	var sent, last atomic.Int64
	hangUp := atomic.Pointer[context.CancelFunc]{}
	w.Cut = func([]byte) bool {
		if last.Load() == 0 || sent.Add(1) != last.Load() {
			return false
		}
		leave := hangUp.Load()
		if leave != nil {
			w.Mute.Store(true)
			(*leave)()
		}
		return leave == nil
	}
	c, _ := g.Another(address)
	push := func(ctx context.Context, nth int64, full bool) int {
		method, body := "PUT", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Staff","members":[]}`
		if full {
			body = strings.Replace(body, "[]", membersOf(ids), 1)
		}
		if full && nth%4 < 2 {
			method, body = "PATCH", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":`+membersOf(ids)+`}]}`
		}
		request, err := http.NewRequestWithContext(ctx, method, c.Base+"/scim/v2/Groups/"+group, strings.NewReader(body))
		g.Must(err)
		request.Header = d.Header.Clone()
		request.Header.Set("Content-Type", "application/scim+json")
		answer, err := http.DefaultClient.Do(request)
		if errors.Is(err, context.Canceled) {
			return 0
		}
		g.Must(err)
		defer answer.Body.Close()
		return answer.StatusCode
	}
	base := g.Count("audit_logs")
	// state is how many are members, have the role and have the copy, and how many changes are in the audit log.
	state := func() string {
		g.Eventually("the end of the push", func() bool {
			return g.Count("pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()") == 0
		})
		return fmt.Sprint(g.Count("scim_members"), g.Count("users WHERE role_id = ?", staff),
			g.Count("user_access_profiles WHERE access_profile_id = ? AND from_role", g.Work), g.Count("audit_logs")-base)
	}
	wanted := func(full bool, pushes int) string {
		n := 0
		if full {
			n = len(ids)
		}
		return fmt.Sprint(n, n, n, 3*pushes) // of the group, of the role and of the profile
	}
	full, pushes, cuts, messages := false, 0, map[int]int{}, int64(math.MaxInt64)
	for i := range int64(4) { // the first two prepare their statements
		full, pushes = !full, pushes+1
		sent.Store(0)
		last.Store(math.MaxInt64) // none is cut, all are counted
		if status := push(t.Context(), i, full); status != 200 && status != 204 {
			t.Fatalf("status %d", status)
		}
		if webtest.Same(t, "after a push", state(), wanted(full, pushes)); i > 1 {
			messages = min(messages, sent.Load())
		}
	}
	const cut = 14
	for i := range int64(cut) {
		n, old := 1+i*messages/cut, wanted(full, pushes)
		full, pushes = !full, pushes+1
		ctx, leave := context.WithCancel(t.Context())
		hangUp.Store(nil)
		if i%4 < 2 {
			hangUp.Store(&leave)
		}
		sent.Store(0)
		last.Store(n)
		status := push(ctx, i, full)
		last.Store(0)
		leave()
		w.Restore()
		cuts[status]++
		if got := state(); got != wanted(full, pushes) && (got != old || status == 200 || status == 204) {
			t.Fatalf("cut at message %d of %d and answered %d: %s, before %s", n, messages, status, got, old)
		}
		again := push(t.Context(), i, full)
		for ; again == http.StatusServiceUnavailable; again = push(t.Context(), i, full) {
		}
		if got := state(); got != wanted(full, pushes) || again != 200 && again != 204 {
			t.Fatalf("sent again after message %d it is answered %d: %s", n, again, got)
		}
	}
	t.Logf("answers to pushes of %d messages that were cut: %v, 0 of those that hung up", messages, cuts)
	if cuts[503] < 3 || cuts[0] < 3 {
		t.Errorf("too few pushes were cut: %v", cuts)
	}
}
