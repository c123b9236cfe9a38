package search

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/blocked"
	"tollgate/models/permission"
)

// Most is how many hits of each kind are shown, and mostOfOne how many when only one kind is asked for.
const (
	Most      = 5
	mostOfOne = 100
)

// LongestText is how many characters a search may have.
const LongestText = 255

// Kind is what a hit is, as the API names it.
type Kind string

// The kinds of hits, in the order in which they are shown.
const (
	Action    Kind = "action"
	User      Kind = "user"
	Profile   Kind = "access_profile"
	Role      Kind = "role"
	Key       Kind = "virtual_key"
	Model     Kind = "model"
	Tool      Kind = "tool"
	Provider  Kind = "provider"
	Server    Kind = "mcp_server"
	ToolGroup Kind = "tool_group"
	APIKey    Kind = "api_key"
	Change    Kind = "audit_log"
)

// Kinds are all of them, in order.
var Kinds = []Kind{Action, User, Profile, Role, Key, Model, Tool, Provider, Server, ToolGroup, APIKey, Change}

// Hit is one thing that was found.
type Hit struct {
	Kind   Kind
	ID     string
	Name   string
	Of     string     // what distinguishes it: an email address, a provider, a holder, an actor
	UserID string     // the holder of a key
	Active bool       // of a profile
	Known  bool       `bun:"-"` // what the actor may see of a user's copies, or of the users who may call it, was looked up
	Count  int64      // holders, callers, users of a role, models of a provider, tools of a server
	At     *time.Time // a key expires, a change was made

	Profiles int64         // that grant a model or tool
	State    blocked.State `bun:"-"` // of a user
	Act      *Act          `bun:"-"` // what an action does
	Retired  bool          // a key value that was replaced or deleted
}

// Group is the hits of one kind.
type Group struct {
	Kind Kind
	Hits []Hit
	More bool // there are others, which the list of the kind shows
}

// Query is what to look for. With a kind, more of this kind and nothing else is found.
type Query struct {
	Text string
	Kind Kind
}

func (q Query) most() int {
	if q.Kind != "" {
		return mostOfOne
	}
	return Most
}

func (q Query) wants(kind Kind) bool { return q.Kind == "" || q.Kind == kind }

// Result is what a search found.
type Result struct {
	Text   string // what was looked for
	Groups []Group
}

// Count is how many hits are shown.
func (r Result) Count() int {
	n := 0
	for _, group := range r.Groups {
		n += len(group.Hits)
	}
	return n
}

// Find looks for text in everything that the actor may see. A question such as "who may call gpt-5" finds models and
// tools; one that begins with a verb finds actions too.
func Find(ctx context.Context, db bun.IDB, actor permission.Actor, q Query) (Result, error) {
	w := readWords(q.Text)
	result := Result{Text: q.Text}
	if w.text == "" {
		return result, nil
	}
	hits, err := findNamed(ctx, db, actor, w, q.most(), q.wants)
	if err != nil {
		return result, err
	}
	if actor.May(permission.ViewAccessProfiles) {
		if err := addStates(ctx, db, hits); err != nil {
			return result, err
		}
		for _, kind := range []Kind{Model, Tool} {
			if err := countCallers(ctx, db, kind, hits); err != nil {
				return result, err
			}
		}
	}
	if q.wants(Action) {
		actions, err := findActions(ctx, db, actor, w)
		if err != nil {
			return result, err
		}
		hits = append(hits, actions...)
	}
	result.Groups = grouped(hits, q.most())
	return result, nil
}

// grouped sorts hits into groups in the order of the kinds.
func grouped(hits []Hit, most int) []Group {
	var groups []Group
	for _, kind := range Kinds {
		group := Group{Kind: kind}
		for _, hit := range hits {
			if hit.Kind == kind {
				group.Hits = append(group.Hits, hit)
			}
		}
		if len(group.Hits) > most {
			group.Hits, group.More = group.Hits[:most], true
		}
		if len(group.Hits) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

// words is a search as it was read.
type words struct {
	text    string // what names are to contain
	verb    string // what is to be done: the first word, in lower case
	object  string // the words behind the verb
	callers bool   // who may call it is asked
}

// questions ask for the callers of a model or tool.
var questions = []string{"who may call ", "who can call ", "who may use ", "who can use "}

func readWords(text string) words {
	text = strings.Join(strings.Fields(text), " ")
	lower := strings.ToLower(text)
	for _, question := range questions {
		if strings.HasPrefix(lower, question) && len(lower) == len(text) {
			return words{text: strings.TrimSpace(strings.TrimSuffix(text[len(question):], "?")), callers: true}
		}
	}
	w := words{text: text}
	verb, object, _ := strings.Cut(text, " ")
	w.verb = strings.ToLower(verb)
	if slices.Contains(verbs(), w.verb) {
		w.object = object
	}
	return w
}
