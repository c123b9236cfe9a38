package policy

// Clone is a copy that shares nothing.
func (r *RateLimit) Clone() *RateLimit {
	if r == nil {
		return nil
	}
	copied := *r
	return &copied
}

// MaxCycles is for how many windows an override may last.
const MaxCycles = 1000

// Budget finds a budget of a policy by its id.
func (p Policy) Budget(id string) (Budget, bool) {
	for _, scope := range p.Scopes() {
		for _, budget := range scope.Budgets {
			if budget.ID == id {
				return budget, true
			}
		}
	}
	return Budget{}, false
}

// What a limit counts.
const (
	KindSpend    = "spend"
	KindTokens   = "tokens"
	KindRequests = "requests"
)

// QuarterStart is the month in which a fiscal year begins, 0 for budgets without quarters.
func (b Budget) QuarterStart() int {
	if b.ResetConfig == nil {
		return 0
	}
	return b.ResetConfig.QuarterStartMonth
}

// Scope is the limits of a policy as a whole, or of one provider.
type Scope struct {
	Name      string // "total", "provider:openai"
	Budgets   []Budget
	RateLimit *RateLimit
}

// Scopes are all limits of a policy: first the overall ones, then those of each provider.
func (p Policy) Scopes() []Scope {
	scopes := []Scope{{"total", p.Budgets, p.RateLimit}}
	for _, config := range p.ProviderConfigs {
		scopes = append(scopes, Scope{"provider:" + config.ProviderName, config.Budgets, config.RateLimit})
	}
	return scopes
}
