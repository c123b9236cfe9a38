// Package attachment has the profiles that roles hand out: attaching and detaching them, and what a user gains and
// loses when their role is granted, changed or revoked. Each changes copies in a fixed number of statements. Rows are
// locked in the order profile, role, user, copy, budget.
package attachment
