package access

import (
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"tollgate/models/database"
)

// pendingChanges are the users whose access transactions of this console are changing, or have changed since the last
// poll. The outcome of a transaction may stay unknown.
type pendingChanges struct {
	mutex sync.Mutex
	users map[string]pendingChange // by id, or database.Everybody
}

type pendingChange struct {
	open  int       // transactions that are being committed
	ended time.Time // the last one
}

// begin notes that a transaction is about to be committed, until the function returned is called.
func (p *pendingChanges) begin(users []string) (end func()) {
	p.change(users, func(one *pendingChange) { one.open++ })
	return func() {
		p.change(users, func(one *pendingChange) { one.open, one.ended = one.open-1, time.Now() })
	}
}

func (p *pendingChanges) change(users []string, change func(*pendingChange)) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.users == nil {
		p.users = map[string]pendingChange{}
	}
	for _, user := range users {
		one := p.users[user]
		change(&one)
		p.users[user] = one
	}
}

// seen forgets the changes that a poll has seen, by when it was sent.
func (p *pendingChanges) seen(sent time.Time) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	maps.DeleteFunc(p.users, func(_ string, one pendingChange) bool { return one.open == 0 && one.ended.Before(sent) })
}

// of reports whether a change of a user is pending.
func (p *pendingChanges) of(user uuid.UUID) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	_, one := p.users[user.String()]
	_, all := p.users[database.Everybody]
	return one || all
}
