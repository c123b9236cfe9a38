// Package audit is the append-only log of changes. Every change writes its row in its own transaction, last, because
// the row locks the head of the hash chain. The chain covers the stored bytes; Verify names the first row that does
// not match.
package audit
