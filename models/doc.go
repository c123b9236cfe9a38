// Package models holds the rules and the SQL of Tollgate in rooms, one package a subject. It has no code of its own:
// this page is the map.
//
// From the ground up, each line uses only what stands above it:
//
//	money, problem, permission, secret, window, plural, batch, pgserver
//	input                    what clients send, and the reader that checks it
//	database, schema         transactions, statements, invalidation · migrations, and which consoles know them
//	audit                    the log of changes and its hash chain
//	identity, catalogue      who acts · what profiles can name: providers, models and prices
//	mcptool                  MCP servers and tool groups (discovery asks the servers)
//	policy                   what a profile and a copy have in common
//	fieldgroup               the parts of a policy that are propagated each by itself
//	profile                  what an admin writes
//	apikey, virtualkey       credentials of the API · of a user's calls
//	assignment               a user's copies, with their overrides
//	attachment               the roles that hand them out (account: users together with their copies)
//	handout                  a profile given to many at once, known or new
//	propagation, quota       changes brought to copies · what is left
//	entitlement              what a subject may use, cached
//	refusal                  the log of decisions: who was refused what, in sums by minute
//	decision                 may this call go on? and holds of estimates
//	usage, report            what was used, exactly once · sums of it
//	blast                    whom an edit of a profile hits
//	accessrequest            what users ask for, and what an admin makes of it
//	blocked                  whose limits are used up now
//	quarantine               usage of an unknown key: charged to a user, or dismissed
//	search                   the few letters that find a user, a profile, a key or a model
//	setting                  what an admin sets for the whole console
//	sample, metrics          the sample company · what Prometheus reads
//
// rooms_test.go names every arrow between rooms; an import that is not among them fails the tests.
//
// # Words
//
// A profile is the policy that an admin writes; an assignment is a user's copy of it ("copy" on pages). A subject is
// who a call is for, an actor who makes a request. A limit has a scope, a kind and a window; a counter is what is used
// of it. A hold is an estimate that is reserved. To invalidate is to note that access changed; caches evict. A call is
// what a gateway asks about; a decision is the answer.
//
// # Where to look
//
//   - A budget is charged: usage/store.go (one statement), with the copy that pays chosen in usage/charge.go.
//   - A virtual key is revoked: virtualkey/change.go; consoles learn of it by Tx.Invalidate and entitlement/poll.go.
//     An API key: apikey/change.go; it is read from the database with every request.
//   - A field of a form or of JSON is checked: the Read function of its input, with input.Reader; before that
//     handlers/intake binds the body to it by exact names.
//   - A gateway asks or reports: handlers/gateway, with decision and usage behind it.
//   - A profile is saved: profile/save.go and policy/save.go, in one transaction with version and audit row.
//   - A migration: migrations/, applied by schema/migrate.go.
//
// # Locks
//
// Rows are locked in one order everywhere: profile, role, user, copy, budget line, window, key; inside one kind by
// ascending id. database.InTx locks the head of the audit log last. Nothing slow happens while a row is locked.
package models
