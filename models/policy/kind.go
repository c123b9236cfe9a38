package policy

// What a limit counts.
const (
	KindSpend    = "spend"
	KindTokens   = "tokens"
	KindRequests = "requests"
)

// Amounts are what a call uses of limits of each kind.
type Amounts struct {
	Spend, Tokens, Requests int64 // nano-dollars, tokens, requests
}

// Of is the amount of a kind.
func (a Amounts) Of(kind string) int64 {
	switch kind {
	case KindSpend:
		return a.Spend
	case KindTokens:
		return a.Tokens
	case KindRequests:
		return a.Requests
	}
	return 0
}

// AmountOfEvent is Amounts.Of in SQL: what an event e uses of a limit l that it was charged to.
const AmountOfEvent = `CASE l.kind WHEN 'spend' THEN coalesce(e.cost, 0) WHEN 'tokens' THEN e.tokens
    WHEN 'requests' THEN e.requests ELSE 0 END`
