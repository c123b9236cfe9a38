package oidc

import (
	"errors"
	"time"
)

// answer is whether a provider answered, and when it was asked.
type answer struct {
	came bool
	at   time.Time
}

// answerKept is how long it says something about the provider.
const answerKept = time.Hour

// note remembers whether the provider of an issuer answered; err is what came of asking it.
func (p *Providers) note(issuer string, err error) {
	var refusal *Refusal
	away := errors.As(err, &refusal) && (refusal.Code == ProviderAway || refusal.Code == DiscoveryFailed)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.answers[issuer] = answer{!away, time.Now()}
}

// Answered says, by issuer, whether the providers that were asked within the last hour answered the last time.
func (p *Providers) Answered() map[string]bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	answered := map[string]bool{}
	for issuer, last := range p.answers {
		if time.Since(last.at) < answerKept {
			answered[issuer] = last.came
		} else {
			delete(p.answers, issuer)
		}
	}
	return answered
}
