// Package models holds the rules and the SQL of Tollgate in rooms, one package a subject. It has no code of its own:
// this page is the map.
//
// From the ground up; a room uses only rooms above it, or before it in its line:
//
//	plural, money, problem, permission, secret, window, batch, pgserver, metrics
//	addresses                email addresses that were pasted, with names or without
//	outbound, oidc           which addresses the console calls · OpenID Connect with providers
//	input                    what clients send, and the reader that checks it
//	configfile               files of documents in YAML or JSON, read with places and written in one form
//	database, schema         transactions, statements, invalidation · migrations, and which consoles know them
//	audit                    the log of changes and its hash chain
//	password                 passwords, hashed by few at a time
//	identity, catalogue      who acts · what profiles can name: providers, models and prices
//	session                  sign-in by password or link, and the sessions that it starts
//	setting                  what an admin sets for the whole console
//	identityprovider         by which users sign in, and the roles of their groups
//	mcptool, discovery       MCP servers and tool groups · asking the servers for their tools
//	apikey, virtualkey       credentials of the API · of a user's calls
//	policy                   what a profile and a copy have in common
//	blocked, blast           whose limits are used up now · whom an edit of a profile hits
//	search                   the few letters that find a user, a profile, a key or a model
//	fieldgroup               the parts of a policy that are propagated each by itself
//	profile                  what an admin writes
//	replica                  a standby that answers reports and lists
//	totals, report           usage added up for reports · the reports
//	assignment, quota        a user's copies, with their overrides · what is left
//	attachment               the roles that hand copies out
//	account, handout         users together with their copies · a profile given to many at once
//	scim, scimquery          the language of directories: documents, filters, patches · filters as conditions of SQL
//	membership               who is in the groups of a directory, and who comes back to them
//	connection, provision    directories and their tokens · the users and groups they provision
//	purge                    users whom a directory deleted, for good
//	handover                 users of the console, given to a directory and taken back
//	signin                   users who come from an identity provider
//	propagation              changes brought to copies
//	caller                   users known by an access token of an identity provider
//	entitlement              what a user may use, and how much is used
//	access                   the cache of keys and entitlements
//	refusal                  the log of decisions: who was refused what, in sums by minute
//	decision                 may this call go on? and holds of estimates
//	configdoc                what documents of configuration can say, and their canonical form
//	policycase               tests of a policy, and asking them
//	configset                which set of files a resource belongs to, and what it applied last
//	config                   documents planned, applied, exported, and told from edits in the console
//	accessrequest            what users ask for, and what an admin makes of it
//	keptevent                usage whose user is not known, or not yet
//	spool                    what waits in a folder until the database is back
//	acknowledged             what was acknowledged last, until a failover can no longer lose it
//	archive                  events of weeks that are over, in files
//	tally                    what a batch of events adds to counters, days and the latest use
//	ledger, usage            counters held against their events · what was used, counted exactly once
//	adjustment               charges taken back
//	quarantine               usage of an unknown key: charged to a user, or dismissed
//	backup                   a restored copy, compared with the live database
//	importer                 files of other gateways, as documents of our own
//	sample                   the sample company
//	dbtest, modelstest       for tests alone: a database for each · profiles, users and copies in it
//
// rooms_test.go names every arrow between rooms; an import that is not among them fails the tests.
//
// # Words
//
//   - A profile is the policy that an admin writes. An assignment is a user's copy of it ("copy" on pages); the user is
//     a holder of the profile. Pages archive and unarchive a profile; in the API it is inactive or active.
//   - An actor makes a request to the console. A subject is the user or key that a call is for.
//   - A limit has a scope ("Overall" on pages, "total" in the API, or a provider), a kind and a window; a budget is a
//     limit in dollars. A line is where a limit is stored (limit_lines); a counter is what is used of it in one window.
//     A raise, or override, adds to a user's budget for a time.
//   - A call is what a gateway asks about; a decision is the answer. A grant is what lets a call through: a provider, a
//     model or a tool in a policy.
//   - A reservation holds an estimate until its call is reported; "hold" is the same word on its counter.
//   - A key value is retired when it is replaced or deleted: it no longer works, and late usage still finds its user.
//   - To invalidate is to record that access changed; caches evict.
//
// # Where to look
//
//   - A budget is charged in four ways, and each changes the counters in the transaction that stores its reason: an
//     event (usage/store.go and tally/store.go, with the copy that pays chosen in usage/charge.go), an exact event in
//     place of its estimate (usage/replace.go), a refund (adjustment/store.go), and an event out of the quarantine
//     (usage/kept.go, called by quarantine).
//   - A virtual key is revoked: rotated or deleted in virtualkey/change.go; deleted with the last copy of its user by
//     assignment.DeleteCopies; deleted with its user by attachment.RevokeAll; and by the clock, when it or its grace
//     period expires (works in access/lookup.go). Other consoles learn of a change by the table access_changes,
//     which Tx.Invalidate writes and access/poll.go reads.
//   - An API key is revoked: apikey/change.go, or by its maker's role. Decisions and reports of usage ask a cache that
//     is at most a second old (access/actor.go), /metrics one for outages of the database (web/scrapers.go), and
//     all other requests the database.
//   - A field of a form or of JSON: handlers/intake binds the body to the input struct by exact names; the method read,
//     apply or check of the input checks the values with input.Reader. The problem is shown beside its field by
//     ui.Typed, in the editor of profiles by formBuilder.field in views/editor.
//   - A gateway asks or reports: handlers/gateway (over gRPC handlers/extauthz), with decision and usage behind it.
//   - A form comes after another admin's save of the same: input/version.go compares what it was made from under the
//     lock of the row, and handlers/stale_edit.go says who saved what. Profiles have numbers as versions.
//   - A profile is saved: profile/save.go and policy/save.go, in one transaction with version and audit row.
//   - A migration: migrations/, applied by schema/migrate.go.
//   - An event is stored in weekly_events, in the partition of the week that is open when it arrives (usage/week.go;
//     weeks are opened by ledger/week.go), and refers to a row of weekly_charges for its copy and its counters. The
//     view counted_events has every event with both, also those of usage_events, where releases before stored them.
//
// # Locks
//
// Rows are locked in one order: connection of a directory, group, profile, role, user, copy, budget line, window, key;
// inside one kind by ascending id. What counts usage locks the open week, then sets of counters, events, counters,
// days and the latest use, each by key (usage/store.go, tally/store.go); what corrects an event locks what is sealed,
// then the event.
// A transaction ends with the head of the audit log, then access_changes, then its row of usage_feed (database.InTx).
// A value that is adopted is locked by its hash, after its user and last of all (virtualkey/adopt.go).
// The one exception is a role that a user got while Claim.Lock in identity waited: it is locked after its user, and a
// deadlock is retried. Nothing slow happens while a row is locked.
package models
