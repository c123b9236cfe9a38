// Package profile is the access profile that an admin writes. Each change makes a version with a snapshot, which is
// also the document that the API answers with; lists read documents and decode nothing. The room attachment attaches
// profiles to roles.
package profile
