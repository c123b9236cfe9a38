// Package caller finds the user whom an access token of an identity provider names: a caller who needs no virtual key.
// A provider vouches for callers when an audience is set for its tokens. A user is known by provider and subject, never
// by an address, and none is added here.
package caller
