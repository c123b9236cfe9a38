package policytext

import (
	"net/url"

	"tollgate/models/money"
)

// RaiseQuery is what a link to the raise of a budget says: where to come back to, and what the refused call was
// estimated at.
func RaiseQuery(next string, estimate money.Money) string {
	query := url.Values{}
	if next != "" {
		query.Set("next", next)
	}
	if estimate > 0 {
		query.Set("estimated_cost", estimate.String())
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}
