package models

import "context"

// Together asks for keys one by one, which are read together.
func Together[K comparable, V any](read func(context.Context, []K) (map[K]V, error)) func(context.Context, K) (V, bool, error) {
	return (&together[K, V]{read: read}).ask
}
