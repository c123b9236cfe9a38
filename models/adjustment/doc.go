// Package adjustment takes parts of the charges of usage events back. An adjustment is a row of its own: the event
// stays as it was reported, and its counters and its day lose the amount.
package adjustment
