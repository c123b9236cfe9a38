// Package policycase asks tests of a policy. A document of tests (configdoc.TestsInput) says what a subject may call
// and what not; each model or tool in it is a case. Cases are judged by decision.Judge, for a holder that has used
// nothing yet: of a profile, of a role, or the user who is named.
package policycase
