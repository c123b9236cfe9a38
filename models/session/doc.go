// Package session has sessions and what starts them: signing in by password, with attempts throttled by account and
// network, and by a link that an admin made. Passwords are changed and confirmed here, which ends other sessions. What
// starts a session at an identity provider is the room signin.
package session
