// Package addresses reads email addresses that were pasted: out of a mail, a spreadsheet or a list, with names or
// without. Whether an address may be one of a user is checked by identity.
package addresses
