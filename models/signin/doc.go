// Package signin signs users in by an identity provider. What must be remembered between leading a browser there and
// its return travels sealed in a cookie, so that strangers write no row and any console finishes what another began.
// Who a user is there is the provider with its subject, never an address. The role follows the rules of the
// provider: the first whose value is among the groups, else the default role, else no entry. What is refused is kept
// for admins, the last few hundred times.
package signin
