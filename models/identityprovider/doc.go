// Package identityprovider keeps the identity providers by which users sign in, and the rules that give roles to
// groups. A provider is known by its slug, which is part of addresses and never changes; its issuer stays while users
// can sign in by it. The client secret is sealed. Only who may do all that a role permits may let a provider give it,
// or let it sign in users of that role who exist.
package identityprovider
