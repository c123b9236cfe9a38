// Package scim is the language of SCIM 2.0 (RFC 7643 and 7644) as Okta and Entra write it: documents whose names count
// in any case, filters, paths and patches, and the users and groups that they describe. It knows no tables.
//
// Where the two directories and the RFC differ, the directories win when they cannot be misread: "False" is a boolean,
// a path that selects no address makes one, and a removal of members that names some removes only those.
package scim
