// Package handout gives a profile to many users at once, known or new, by their email addresses: a plan says line by
// line what would happen, and giving does it in one transaction, once. New users get the default role; users without a
// key get one, whose value is returned only here.
package handout
