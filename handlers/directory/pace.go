package directory

import (
	"sync"
	"time"

	"tollgate/models/problem"
)

// A connection may ask this console perSecond times a second, and that often at once after a pause.
const (
	perSecond = 50
	atOnce    = 2 * perSecond
)

// pace limits how often connections ask.
type pace struct {
	mutex sync.Mutex
	spent map[int64]spent
}

// spent is how many requests of a connection are not made up for yet.
type spent struct {
	requests float64
	at       time.Time
}

// take counts a request. Refusal: TooMany.
func (p *pace) take(connection int64) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.spent == nil {
		p.spent = map[int64]spent{}
	}
	now, s := time.Now(), p.spent[connection]
	s.requests = max(0, s.requests-now.Sub(s.at).Seconds()*perSecond)
	s.at = now
	if s.requests >= atOnce {
		refusal := problem.Refuse(problem.TooMany, "", "too_many_requests", "Ask at most 50 times a second.")
		refusal.RetryAfter = time.Second
		return refusal
	}
	s.requests++
	p.spent[connection] = s
	return nil
}
