// Package views has the pages that have no room of their own: users, roles, keys, copies, the search, sign-in. Handlers
// load the data and pass it on; the .go file of a view shapes it for the page, and its .templ file prints it. Rules of
// the domain are in models.
//
// The rooms beside it:
//
//	ui           what every page is built of
//	policytext   policies and limits in words
//	editor       one profile: its form and its page
//	inventory    providers, MCP servers, tool groups
//	history      the audit log, versions, propagation
//	traffic      usage, refusals, quarantine
//	handout      a profile given to many users at once
//	requests     what users ask for, and the inbox of those who decide
//
// The pages use the rooms, the rooms use policytext and ui, the editor also history, and ui uses none of them;
// models/rooms_test.go names the arrows.
package views
