// Package intake reads what requests send, strictly: a body of JSON or of a form becomes a tree of nodes, the tree is
// bound to an input struct by exact names, and what is unknown, sent twice or broken is a problem with the path of its
// field. Query strings, ids in paths and If-Match are read as strictly.
//
// JSON has two readers with one result: json_fast.go takes what programs usually write in one pass and gives up on
// everything it is not sure of; json.go then decides, and says what is wrong. What the values mean is checked in models
// by the read, apply or check method of each input.
package intake
