package batch

import (
	"context"
)

// Together asks for keys one by one, which are read together.
func Together[K comparable, V any](read func(context.Context, []K) (map[K]V, error)) func(context.Context, K) (V, bool, error) {
	return (&Batcher[K, V]{Read: read}).Get
}
