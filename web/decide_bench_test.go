package web_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"tollgate/models/decision"
	"tollgate/models/permission"
	"tollgate/web"
	"tollgate/web/webtest"
)

// BenchmarkDecide compares what the route of decisions costs with a decision log and without: of 300 keys, allowed
// and refused by a budget. The network is left out, so that nothing hides the difference.
func BenchmarkDecide(b *testing.B) {
	const keys = 300
	test := func(t *testing.T) {
		s := webtest.NewStage(t)
		profile := s.ProfileNaming("P", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],
			"budgets":[{"max_limit":1,"reset_duration":"1M"}]`)
		values := make([]string, keys)
		for i := range values {
			_, values[i] = s.Give(s.Member(fmt.Sprintf("u%d@example.com", i), "Viewer"), profile)
		}
		key := s.APIKey(permission.CreateUsage).Header
		s.H.Log = slog.New(slog.DiscardHandler)
		var handler http.Handler
		ask := func(value string, cost int) string {
			body := fmt.Sprintf(`{"virtual_key":%q,"provider":"openai","model":"gpt-4o","estimated_cost":%d}`, value, cost)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, s.Base+"/api/decisions", strings.NewReader(body))
			r.Header = key.Clone()
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w.Body.String()
		}
		for _, cost := range []int{0, 2} {
			for round := range 16 {
				name := "without"
				s.H.Engine = decision.NewEngine(s.H.Cache, nil)
				if round%4 == 1 || round%4 == 2 { // so that a machine that becomes slower does so for both
					name, s.H.Engine = "with", decision.NewEngine(s.H.Cache, s.H.Refusals)
				}
				var err error
				handler, err = web.New(web.Config{Addr: strings.TrimPrefix(s.Base, "http://")}, s.H)
				s.Must(err)
				for _, value := range values { // so that all are cached
					ask(value, cost)
				}
				b.Run(fmt.Sprintf("refused=%v/%s", cost > 0, name), func(b *testing.B) {
					begun := cpu()
					for i := range b.N {
						if said := ask(values[i%keys], cost); !strings.Contains(said, fmt.Sprintf(`"decision":%v`, cost == 0)) {
							b.Fatal(said)
						}
					}
					b.ReportMetric(float64(cpu()-begun)/float64(b.N), "cpu-ns/op")
				})
			}
		}
	}
	testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "fill", F: test}})
}

// cpu is what this process has used, in nanoseconds.
func cpu() int64 {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // cannot fail for the process itself
	return used.Utime.Nano() + used.Stime.Nano()
}
