// Package entitlement is what decisions need to know about a user: the copies with their counters, and the terms that
// copies of one profile share. It reads them from the database, one user's or very many at once, and says which limits
// count for a call. Counters hold no pointers, so that the garbage collector passes over them.
package entitlement
