// Package search finds what a console knows by a few letters: users, profiles, roles, keys, models, tools, changes in
// the audit log, and what can be done to them. An actor finds only what they may see, and a few of each kind; a whole
// key finds its user, and is compared by its hash alone.
package search
