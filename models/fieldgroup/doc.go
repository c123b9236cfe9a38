// Package fieldgroup has the parts of a policy that are propagated each by itself, in one table: copying, comparing,
// showing and syncing take every field of a group that clients write. Sync brings groups to many policies in a fixed
// number of statements; limits that match keep their ids, and so their counters and overrides.
package fieldgroup
