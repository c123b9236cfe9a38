// Package modelstest is the kit of tests that work with whole profiles, users and copies on a real database. Only
// tests import it.
package modelstest
