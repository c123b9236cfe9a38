package web_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// BenchmarkConfig times plans of 1,000 profiles, and saves in the console beside them.
func BenchmarkConfig(b *testing.B) {
	c := webtest.NewConsole(b)
	admin := c.APIKey(permission.AllPermissions()...)
	body := func(limit int) object {
		documents := []any{object{"kind": "provider", "name": "openai", "models": []string{"gpt-5"}}}
		for i := range 1000 {
			documents = append(documents, object{
				"kind": "access_profile", "name": fmt.Sprint("Profile ", i), "tags": []string{"bench"},
				"provider_configs": []object{{"provider_name": "openai", "allowed_models": []string{"gpt-5"}, "budgets": []object{{"max_limit": 20, "reset_duration": "1d"}}}},
				"budgets":          []object{{"max_limit": limit, "reset_duration": "1d"}, {"max_limit": 900, "reset_duration": "1M"}},
				"rate_limit":       object{"request_max_limit": 600, "request_reset_duration": "1h"},
			})
		}
		return object{"set": "bench", "documents": documents}
	}
	admin.API("POST", "/api/config/apply", body(60)).Is(200)
	admin.API("POST", "/api/access-profiles", object{"name": "By hand"}).Is(201)
	for name, limit := range map[string]int{"unchanged": 60, "changed": 50} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				admin.API("POST", "/api/config/plan", body(limit)).Is(200)
			}
		})
	}
	b.Run("saves", func(b *testing.B) {
		var planning sync.WaitGroup
		done := make(chan struct{})
		planning.Go(func() {
			defer close(done)
			for range 3 {
				admin.API("POST", "/api/config/plan", body(50)).Is(200)
			}
		})
		var took []time.Duration
		for i := 0; ; i++ {
			select {
			case <-done:
				planning.Wait()
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "median-ms")
				b.ReportMetric(float64(took[len(took)*95/100].Milliseconds()), "p95-ms")
				return
			default:
			}
			begun := time.Now()
			admin.API("PUT", "/api/access-profiles/1001", object{"tags": []string{fmt.Sprint(i)}}).Is(200)
			took = append(took, time.Since(begun))
		}
	})
}
