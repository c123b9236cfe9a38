package refusal_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"syscall"
	"testing"

	"tollgate/models/assignment"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/modelstest"
	"tollgate/models/permission"
	"tollgate/models/policy"
	"tollgate/models/refusal"
)

// BenchmarkDecide compares decisions with a log and without: of 3,000 keys, allowed and refused by a budget.
func BenchmarkDecide(b *testing.B) {
	const keys = 3_000
	var values []string
	var h modelstest.Harness
	test := func(t *testing.T) {
		h = modelstest.NewHarness(t)
		made := h.Profile("P", policy.Policy{
			ProviderConfigs: []policy.ProviderConfig{{ProviderName: "openai", AllModelsAllowed: true}},
			Budgets:         []policy.Budget{{MaxLimit: 1_000_000_000, ResetDuration: "1M"}},
		})
		for range keys {
			_, issued, err := assignment.Assign(t.Context(), h.DB, h.Keys, permission.CLI, h.User(101),
				assignment.AssignInput{AccessProfileID: modelstest.Literal(strconv.FormatInt(made.ID, 10))})
			h.Must(err)
			values = append(values, issued.Value)
		}
		log := refusal.New(h.DB, slog.New(slog.DiscardHandler), 30)
		ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
		defer stop()
		go log.Run(ctx)
		cache := entitlement.NewCache(h.DB, h.Keys, slog.New(slog.DiscardHandler))
		go cache.Run(ctx)
		for _, refused := range []bool{false, true} {
			call := entitlement.Call{Provider: "openai", Model: "m"}
			if refused {
				call.Cost = 2_000_000_000
			}
			for round := range 8 {
				name, engine := "without", decision.NewEngine(cache, nil)
				if round%2 == 1 {
					name, engine = "with", decision.NewEngine(cache, log)
				}
				for _, value := range values { // so that all are cached
					_, err := engine.Decide(ctx, entitlement.Subject{VirtualKey: value}, call)
					h.Must(err)
				}
				b.Run(fmt.Sprintf("refused=%v/%s", refused, name), func(b *testing.B) {
					begun := cpu()
					for i := range b.N {
						d, err := engine.Decide(ctx, entitlement.Subject{VirtualKey: values[i%keys]}, call)
						if err != nil || d.Decision == refused {
							b.Fatal(d, err)
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
