// Package access keeps in memory who may use what, so that decisions need no statement: keys by hash, and each user's
// entitlements. A poll every 250 ms evicts what has changed; no decision uses data older than a second, and a database
// that went back in time resets the cache.
package access
