// Package entitlement caches what subjects may use, so that decisions need no statement: keys by hash, each user's
// copies with counters, and the terms that copies of one profile share. A poll every 250 ms evicts what has changed;
// no decision uses data older than a second, and a database that went back in time resets the cache. Counters hold no
// pointers, so that the garbage collector passes over them.
package entitlement
