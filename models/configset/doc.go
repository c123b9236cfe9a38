// Package configset keeps which set of files each resource belongs to, with the document that was applied last. A
// resource belongs to the set that applied it last; the row stays when the resource is deleted in the console.
package configset
