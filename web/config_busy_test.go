package web_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"tollgate/models/audit"
	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// While many documents are applied, what is saved in the console is saved at once and belongs to one chain of audit rows
// with what is applied.
func TestConfigSavesMeanwhile(t *testing.T) {
	c := webtest.NewConsole(t)
	admin := c.APIKey(permission.AllPermissions()...)
	admin.API("POST", "/api/access-profiles", object{"name": "By hand"}).Is(201)
	documents := []any{}
	for i := range 200 {
		documents = append(documents, object{"kind": "access_profile", "name": fmt.Sprint("Profile ", i), "budgets": []object{{"max_limit": i, "reset_duration": "1d"}}})
	}
	var applying sync.WaitGroup
	done, status := make(chan struct{}), 0
	applying.Go(func() {
		defer close(done)
		status = admin.API("POST", "/api/config/apply", object{"set": "busy", "documents": documents}).StatusCode
	})
	saves, longest := 0, time.Duration(0)
	for applied := false; !applied; saves++ {
		begun := time.Now()
		admin.API("PUT", "/api/access-profiles/1", object{"tags": []string{fmt.Sprint(saves)}}).Is(200)
		longest = max(longest, time.Since(begun))
		select {
		case <-done:
			applied = true
		default:
		}
	}
	applying.Wait()
	if status != http.StatusOK || saves < 2 || longest > 10*time.Second {
		t.Errorf("the apply ended with %d; %d saves, the longest took %s", status, saves, longest)
	}
	t.Logf("%d saves, the longest took %s", saves, longest)
	webtest.Same(t, "applied", len(documentsOf(t, admin, "?set=busy")), len(documents))
	if _, err := audit.Verify(t.Context(), c.DB, c.H.Keys.Audit); err != nil {
		t.Error(err)
	}
}
