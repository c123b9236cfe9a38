// Package signin has the pages of identity providers: their list, form, rules, and what a sign-in would lead to.
package signin
