// Package config brings the console into the state that documents describe (configdoc), or says what would change.
//
// A run (run.go) is one transaction, everything or nothing; a plan is a run that is rolled back. It loads the current
// documents (load.go), compares those that were sent with them in their canonical form (compare.go), and saves only
// what differs, through the same functions as the API (save.go, and save_kinds.go for each kind). It then asks the
// tests of the policy (policycase). Every row belongs to the set that applied it last (configset); the document applied
// then is the base of a comparison by three: what differs from it in the console is drift, and stops an apply until it
// is settled.
package config
