// Package accessrequest is what users ask for themselves: more of a budget, or a model that no profile of theirs has.
// A request is open until it is granted, declined or withdrawn, at most seven days. A grant is an override of the
// budget or a direct assignment, and both end; its clock starts when it is decided. Users never decide their own,
// not by an API key that they made either.
//
// Rows are locked in the order of models, the request last.
package accessrequest
